/**
 * Session: one connected agent process, from its welcome to its end.
 *
 * Down go plans, acks and questions, up come frames, states, index requests and answers. Frames are appended in the order they came, several at a time,
 * so that the store can commit them together; an ack is sent only for what is durable (law 1). At most `framesInFlight` frames wait
 * for the store: one more, and the socket is not read. What plans mean and who may connect is the registry's business.
 */

import { checksumOf, emptyChecksum, plus } from '@watch-hub/shared/protocol/checksum'
import { decodeJson } from '@watch-hub/shared/protocol/decode'
import type { Question } from '@watch-hub/shared/protocol/explain'
import { decodeFrame } from '@watch-hub/shared/protocol/frames'
import { framesInFlight } from '@watch-hub/shared/protocol/limits'
import { type DownMessage, encodeIndexChunk, type UpMessage, upMessage } from '@watch-hub/shared/protocol/messages'
import type { Plan } from '@watch-hub/shared/protocol/plan'
import { pack, unpack } from '@watch-hub/shared/protocol/wire'
import type { Channel, Message } from '@watch-hub/shared/runtime/channel'
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import { isAbort } from '@watch-hub/shared/runtime/task'
import type { Append, Mismatch, Store } from '../store/store.ts'
import type { Goodbye, Peer } from './handshake.ts'
import type { FleetMeter } from './meter.ts'
import { type AgentAnswer, openQuestions } from './questions.ts'
import type { FleetTracer, FrameTrace } from './tracer.ts'

export type AgentStatus = Extract<UpMessage, { type: 'status' }>
type IndexRequest = Extract<UpMessage, { type: 'index-request' }>

export interface SessionDeps {
  readonly store: Pick<Store, 'append' | 'isDoubted' | 'readIndex'>
  readonly log: Log
  readonly tracer: FleetTracer
  /** ms since 1970 */
  readonly now: () => number
  readonly onStatus: (status: AgentStatus) => void
  readonly meter: FleetMeter
}

export interface Session {
  readonly peer: Peer
  /** The agent said that it leaves on purpose. */
  readonly left: boolean
  /** Frames that wait for the store. */
  readonly framesWaiting: number
  /** Tells the agent its plan. False = it holds this one already. */
  offer(plan: Plan): boolean
  /** Says why and closes. */
  dismiss(goodbye: Omit<Goodbye, 'type'>): void
  /** What the agent makes of an object. Never rejects. */
  ask(question: Question): Promise<AgentAnswer>
  /** Runs until the connection ends. Never rejects: a broken peer is logged, not thrown. */
  run(): Promise<void>
}

interface Arrived {
  readonly number: number
  readonly trace: FrameTrace
  /** Monotonic, ms. */
  readonly arrivedAt: number
}

export function openSession(deps: SessionDeps, peer: Peer, channel: Channel, inbox: AsyncIterator<Message>): Session {
  const { log } = deps
  let heldPlan = peer.plan
  let acked = peer.lastFrame
  let left = false
  const appends = new Set<Promise<void>>()
  const leaving = new AbortController()

  void channel.closed.then(() => leaving.abort()) // frames may wait for room on the disk, and nobody is there any more to hear of them

  const tell = (message: DownMessage) => channel.send(JSON.stringify(message))
  /** A message that is lost with its connection is said again on the next one. */
  const tellSoon = (message: DownMessage) => {
    tell(message).catch((error: unknown) => log.debug('message not sent', { type: message.type, error }))
  }

  const questions = openQuestions(tell)

  const dismiss = (goodbye: Omit<Goodbye, 'type'>) => {
    log.info('agent dismissed', { code: goodbye.code, reason: goodbye.reason })
    tellSoon({ type: 'goodbye', ...goodbye })
    channel.close(4000, goodbye.code)
  }

  const reload = ({ stream, agent, hub }: Mismatch) => {
    log.warn("an agent's index is not what the hub holds: it is loaded and compared anew", { stream, agent, hub })
    tellSoon({ type: 'reload', stream, reason: `expected the checksum ${hub} that the hub's inventory has, got ${agent}` })
  }

  const settle = (outcome: Append, { number, trace, arrivedAt }: Arrived) => {
    if (outcome.kind === 'refused') {
      trace.failed(outcome.reason)
      dismiss({ code: outcome.code, reason: outcome.reason, final: outcome.code === 'superseded' })
      return
    }
    deps.meter.frame({ cluster: peer.cluster, ms: performance.now() - arrivedAt })
    if (outcome.kind === 'stored') trace.stored(outcome.rows)
    moment('frame-stored')
    for (const mismatch of outcome.kind === 'stored' ? (outcome.mismatches ?? []) : []) reload(mismatch)
    acked = Math.max(acked, number)
    tellSoon({ type: 'ack', frame: acked })
    moment('acked')
  }

  const takeFrame = async (bytes: Uint8Array) => {
    const arrivedAt = performance.now()
    const receivedAt = deps.now()
    if (appends.size >= framesInFlight) await Promise.race(appends) // what it says of itself is heard while it keeps to the bound
    const { cluster, clusterUid } = peer
    const sent = decodeFrame(await unpack('frame', bytes))
    if (sent.process !== peer.process) throw new Error(`expected frames of process ${peer.process}, got one of ${sent.process}`)
    moment('frame-received')
    const trace = deps.tracer.received({ cluster, clusterUid, frame: { ...sent, receivedAt } })
    const { frame } = trace
    const append: Promise<void> = deps.store
      .append(cluster, frame, leaving.signal)
      .then((outcome) => settle(outcome, { number: frame.number, trace, arrivedAt }))
      .catch((error: unknown) => {
        if (isAbort(error, leaving.signal)) return // it still waited for room on the disk; the agent sends it again
        trace.failed(describeError(error))
        log.error('frame could not be stored', { frame: frame.number, error })
        dismiss({ code: 'store', reason: 'the hub could not store a frame; its log says why', final: false })
      })
      .finally(() => appends.delete(append))
    appends.add(append)
  }

  const answerIndex = async ({ request, plan, stream }: IndexRequest) => {
    await Promise.all(appends) // the answer holds every frame that came before the request
    let objects = 0
    let checksum = emptyChecksum
    for await (const chunk of deps.store.readIndex({ cluster: peer.cluster, plan, stream }, leaving.signal)) {
      objects += chunk.length
      checksum = plus(checksum, checksumOf(chunk))
      await channel.send(await pack('index', encodeIndexChunk(request, chunk)))
      moment('index-chunk-sent')
    }
    const doubted = await deps.store.isDoubted({ cluster: peer.cluster, stream })
    await tell({ type: 'index-end', request, objects, checksum, doubted })
  }

  const take = async (message: Message) => {
    if (typeof message !== 'string') return takeFrame(message)
    const up = decodeJson(upMessage, message)
    if (up.type === 'status') deps.onStatus(up)
    else if (up.type === 'index-request') await answerIndex(up)
    else if (up.type === 'explanation') questions.answered(up)
    else if (up.type === 'bye') {
      left = true
      log.info('agent leaves', { reason: up.reason })
    } else throw new Error(`expected no second ${up.type}`)
  }

  return {
    peer,
    get left() {
      return left
    },
    get framesWaiting() {
      return appends.size
    },
    offer: (plan) => {
      if (plan.hash === heldPlan) return false
      heldPlan = plan.hash
      tellSoon({ type: 'plan', plan })
      return true
    },
    dismiss,
    ask: questions.ask,
    run: async () => {
      const { process, lastFrame, clusterUid, generation } = peer
      try {
        await tell({ type: 'welcome', process, lastFrame, clusterUid, generation })
        for (let next = await inbox.next(); !next.done; next = await inbox.next()) await take(next.value)
      } catch (error) {
        log.warn('connection of agent broke', { error })
        channel.close(4002, 'protocol error')
      } finally {
        questions.close()
        leaving.abort()
        await Promise.all(appends)
      }
    },
  }
}
