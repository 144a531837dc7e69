/**
 * Hub link: one connection to the hub at a time, made again with full jitter for as long as the agent runs.
 *
 * Every connection: challenge → signed hello → welcome → frames, states, index requests and answers up; plans, acks, indexes and questions down.
 *   welcome names our last durable frame  → everything after it is sent again, the same
 *   it is behind an ack that we hold, or
 *   gives us another process number       → the hub lost data: a new process number, all indexes anew (`onLostData`)
 *   goodbye, final                        → `done` rejects: this process must not come back
 *   goodbye, unknown-agent                → joins again when there is a token, else keeps asking slowly
 * What frames hold is the outbox's business, what plans mean the reconciler's.
 */
import { decodeJson } from '@watch-hub/shared/protocol/decode'
import type { Explanation, Question } from '@watch-hub/shared/protocol/explain'
import { encodeFrame } from '@watch-hub/shared/protocol/frames'
import { framesInFlight } from '@watch-hub/shared/protocol/limits'
import {
  type DownMessage,
  decodeIndexChunk,
  downMessage,
  type IndexEntry,
  type UpMessage,
} from '@watch-hub/shared/protocol/messages'
import type { Plan } from '@watch-hub/shared/protocol/plan'
import { pack, unpack } from '@watch-hub/shared/protocol/wire'
import { backoff } from '@watch-hub/shared/runtime/backoff'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Channel, Message } from '@watch-hub/shared/runtime/channel'
import { describeError, type Log } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import { after, deadline, type Sleep } from '@watch-hub/shared/runtime/sleep'
import { Task } from '@watch-hub/shared/runtime/task'
import { type Answers, openAnswers } from './answers.ts'
import { Goodbye, shakeHands } from './handshake.ts'
import { heartbeat } from './heartbeat.ts'
import type { Identity } from './identity.ts'
import { type IndexEnd, openIndexDesk } from './index-desk.ts'
import type { Outbox } from './outbox.ts'

export type AgentStatus = Omit<Extract<UpMessage, { type: 'status' }>, 'type'>

export interface HubLinkDeps {
  readonly dial: (signal: AbortSignal) => Promise<Channel>
  readonly outbox: Outbox
  /** The identity to show; asked anew for each connection. */
  readonly identity: () => Identity
  /** Joins again with a token, when there is one; resolves false when there is none. */
  readonly rejoin: (signal: AbortSignal) => Promise<boolean>
  readonly status: () => AgentStatus
  readonly onPlan: (plan: Plan) => void
  readonly onLostData: () => void
  /** The index of a stream is not what the hub holds. */
  readonly onReload: (stream: string, reason: string) => void
  /** What becomes of an object here, see watch/explain.ts. */
  readonly explain: (question: Question, signal: AbortSignal) => Promise<Explanation>
  readonly sleep: Sleep
  readonly random?: () => number
  /** ms since 1970. @default Date.now */
  readonly now?: () => number
  readonly log: Log
}

export interface HubLink extends AsyncDisposable {
  readonly connected: boolean
  /** Why it is not connected, when it is not. */
  readonly trouble: string | undefined
  /** What the hub holds of one stream; waits for a connection, fails when that one breaks. */
  loadIndex(stream: string, signal: AbortSignal): AsyncGenerator<readonly IndexEntry[], IndexEnd>
  /** The status is sent soon; many calls make one message. */
  statusChanged(): void
  /** `reconnects`: connections after the first one. `outboxResets`: times that it started over. */
  figures(): { readonly reconnects: number; readonly outboxResets: number }
  /** Rejects when this process must not come back. */
  readonly done: Promise<void>
}

/** The hub told this process to stay away: another one has its place. */
export class Dismissed extends Error {
  override readonly name = 'Dismissed'
}
const reconnect = { minMs: 500, maxMs: 30_000 }
const strangerRetryMs = 30_000
/** A connection that lasted so long was a good one. One that breaks sooner, time and again, must not be made at full pace. */
const lastingMs = 5_000
const handshakeMs = 15_000

export function startHubLink(deps: HubLinkDeps): HubLink {
  const { outbox, log, sleep, now = Date.now } = deps
  const statusBell = bell()
  const desk = openIndexDesk()
  let process = 0
  /** The history of the hub's database that numbered this process; empty = none yet. */
  let generation = ''
  /** The hub has not heard yet that it lost data. */
  let lost = false
  let planHash = ''
  let connections = 0
  let outboxResets = 0
  let connected = false
  let trouble: string | undefined = 'not connected yet'

  /** The hub knows less than we told it: nothing that we hold can be continued. */
  const startOver = (why: string) => {
    log.warn('starting over under a new process number', { why })
    process = 0
    generation = ''
    lost = true
    outboxResets++
    outbox.reset()
    moment('started-over')
    deps.onLostData()
  }

  const hear = async (message: Message | undefined): Promise<DownMessage> => {
    if (message === undefined) throw new Error('the hub closed the connection')
    if (typeof message !== 'string') throw new Error('expected a text message from the hub, got a binary one')
    const down = decodeJson(downMessage, message)
    if (down.type === 'goodbye') throw farewell(down)
    return down
  }

  const farewell = ({ code, reason, final }: Extract<DownMessage, { type: 'goodbye' }>): Error => {
    if (code === 'unknown-plan') startOver('the hub does not know the plan of our frames')
    return final ? new Dismissed(`the hub dismissed this agent: ${reason}`) : new Goodbye(code, reason)
  }

  const meet = async (channel: Channel, inbox: AsyncIterator<Message>, signal: AbortSignal) => {
    using limit = deadline(handshakeMs, { parent: signal, what: 'the handshake with the hub' })
    limit.signal.throwIfAborted()
    limit.signal.addEventListener('abort', () => channel.close(4008, 'handshake given up'), { once: true })
    const welcome = await shakeHands({
      hear: async () => hear(messageOf(await inbox.next())),
      say: (message) => channel.send(JSON.stringify(message)),
      identity: deps.identity(),
      state: { process, generation, plan: planHash, ackedFrame: outbox.acked, ...(lost && { lost }) },
    })
    if (process !== 0 && welcome.process !== process)
      startOver(`the hub knows nothing of process ${process} and calls it ${welcome.process} now: it lost data`)
    else if (process !== 0 && (welcome.lastFrame < outbox.acked || welcome.lastFrame > outbox.sealed)) {
      startOver(
        `the hub holds our frames up to ${welcome.lastFrame}, but acknowledged ${outbox.acked} of ${outbox.sealed}: it lost data`,
      )
      throw new Goodbye('lost-data', 'the hub lost data that it had acknowledged')
    }
    process = welcome.process
    generation = welcome.generation
    lost = false
    outbox.replayFrom(welcome.lastFrame)
  }

  const receive = async (inbox: AsyncIterator<Message>, answers: Answers, signal: AbortSignal) => {
    for (;;) {
      const message = messageOf(await inbox.next())
      if (message !== undefined && typeof message !== 'string') {
        await desk.chunk(decodeIndexChunk(await unpack('index', message)), signal)
        continue
      }
      const down = await hear(message)
      if (down.type === 'ack') {
        outbox.ack(down.frame)
        moment('ack-received')
      } else if (down.type === 'index-end') desk.end(down)
      else if (down.type === 'reload') deps.onReload(down.stream, down.reason)
      else if (down.type === 'explain') answers.ask(down)
      else if (down.type === 'plan') {
        planHash = down.plan.hash
        deps.onPlan(down.plan)
        moment('plan-received')
      }
    }
  }

  const sendFrames = async (channel: Channel, signal: AbortSignal) => {
    for (;;) {
      const frame = outbox.inFlight < framesInFlight ? outbox.next() : undefined
      if (frame === undefined) await outbox.ready.wait(signal)
      else {
        await channel.send(await pack('frame', encodeFrame({ ...frame, process, sentAt: now() })))
        moment('frame-sent')
      }
    }
  }

  const sendStatus = (channel: Channel, signal: AbortSignal) => {
    const say = () => channel.send(JSON.stringify({ type: 'status', ...deps.status() } satisfies UpMessage))
    return heartbeat({ say, news: statusBell, sleep }, signal)
  }

  const sendIndexRequests = async (channel: Channel, signal: AbortSignal) => {
    for (;;) {
      const { request, stream } = await desk.next(signal)
      await channel.send(JSON.stringify({ type: 'index-request', request, plan: planHash, stream } satisfies UpMessage))
    }
  }

  /** The hub shows then that this agent was not lost. What it has not acknowledged was waited for before. */
  const sayBye = (channel: Channel) =>
    channel
      .send(JSON.stringify({ type: 'bye', reason: 'the agent stops' } satisfies UpMessage))
      .catch((error: unknown) => log.debug('left without a word', { error }))

  const converse = async (channel: Channel, inbox: AsyncIterator<Message>, signal: AbortSignal) => {
    const over = new AbortController()
    const either = AbortSignal.any([signal, over.signal])
    const say = (message: UpMessage) => channel.send(JSON.stringify(message))
    const answers = openAnswers({ explain: deps.explain, say, log })
    const parts = [
      receive(inbox, answers, either),
      answers.run(either),
      sendFrames(channel, either),
      sendStatus(channel, either),
      sendIndexRequests(channel, either),
      new Promise<never>((_resolve, reject) => {
        either.addEventListener('abort', () => reject(either.reason), { once: true })
      }),
    ]
    try {
      await Promise.race(parts)
    } finally {
      over.abort()
      if (signal.aborted) await sayBye(channel)
      await channel[Symbol.asyncDispose]()
      await Promise.allSettled(parts)
    }
  }

  const connectOnce = async (signal: AbortSignal, onLasting: () => void) => {
    await using channel = await deps.dial(signal)
    const inbox = channel.messages[Symbol.asyncIterator]()
    await meet(channel, inbox, signal)
    using _lasting = after(lastingMs, onLasting)
    connected = true
    connections++
    trouble = undefined
    log.info('connected to the hub', { process })
    try {
      await converse(channel, inbox, signal)
    } finally {
      connected = false
      desk.hangUp(new Error('the connection to the hub broke'))
    }
  }

  const task = new Task(async (signal) => {
    const delays = backoff({ ...reconnect, ...(deps.random === undefined ? {} : { random: deps.random }) })
    for (;;) {
      try {
        await connectOnce(signal, () => delays.reset())
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof Dismissed) throw error
        trouble = describeError(error)
        const unknown = error instanceof Goodbye && error.code === 'unknown-agent'
        if (unknown && (await deps.rejoin(signal))) continue
        const delay = unknown ? strangerRetryMs : delays.next()
        log.warn('not connected to the hub', { error, retryInMs: Math.round(delay) })
        await sleep(delay, signal)
      }
    }
  })

  return {
    get connected() {
      return connected
    },
    get trouble() {
      return trouble
    },
    loadIndex: desk.load,
    statusChanged: () => statusBell.ring(),
    figures: () => ({ reconnects: Math.max(0, connections - 1), outboxResets }),
    done: task.done,
    [Symbol.asyncDispose]: () => task[Symbol.asyncDispose](),
  }
}

const messageOf = (result: IteratorResult<Message>): Message | undefined => (result.done ? undefined : result.value)
