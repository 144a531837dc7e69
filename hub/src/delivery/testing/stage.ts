/**
 * The inner half of one courier for tests, over a store in memory: queue, ledger, breaker, and the judge that deals with what is said to have
 * come of attempts. Time stands still unless a test moves it.
 */
import { silentLog } from '@watch-hub/shared/runtime/log'
import type { EndpointConfig } from '../../config/model.ts'
import type { DeadLetter, EndpointState, Freeze, FreezeOutcome, FrozenBatch, LogRow } from '../../store/store.ts'
import { fence } from '../allow.ts'
import type { Subject } from '../attempts.ts'
import { createBreaker } from '../breaker.ts'
import { contextText } from '../contexts.ts'
import { load, render } from '../frozen.ts'
import { createJudge } from '../judge.ts'
import { createLedger } from '../ledger.ts'
import type { BatchLane } from '../queue.ts'
import { createQueue } from '../queue.ts'
import { encodeFrame } from '../render.ts'
import { DeliveryFailure, type Outcome } from '../send.ts'
import { createVerdicts } from '../verdicts.ts'
import { endpointConfig, logRow } from './rows.ts'

const context = contextText({ cluster: { name: 'prod-eu-1', uid: 'u', labels: {}, metadata: {} }, watches: {} })
const frame = encodeFrame({ format: 'watch-hub', metadata: {} })

/** A row about an object of that name, patched from `base` where there is one. */
export const rowOf = (sequence: number, name: string, base?: number): LogRow =>
  logRow({
    sequence,
    name,
    uid: name,
    body: `{"n":${sequence}}`,
    ...(base !== undefined && { patch: { base, text: `{"n":${sequence}}` } }),
  })

/** A batch of updates, with patches where the rows have them. */
export const batchOf = (id: string, ...rows: readonly LogRow[]): FrozenBatch => ({
  id,
  createdAt: 0,
  members: rows.map(({ sequence, patch }) => ({
    sequence,
    type: 'updated',
    watches: ['w'],
    ...(patch !== undefined && { base: patch.base }),
  })),
  frame,
})

export const failure = (status: number, afterMs?: number): Outcome => ({
  kind: 'try-later',
  why: new DeliveryFailure(status < 500 ? 'http_4xx' : 'http_5xx', `answered ${status}`, { status }),
  ...(afterMs !== undefined && { afterMs }),
})

export const refusal = (status: number): Outcome => ({
  kind: status === 413 ? 'oversize' : 'refused',
  why: new DeliveryFailure('http_4xx', `answered ${status}`, { status }),
})

export interface StageParts {
  readonly batches: readonly FrozenBatch[]
  readonly rows: readonly LogRow[]
  readonly endpoint?: Partial<EndpointConfig>
  readonly tried?: EndpointState['tried']
}

export async function startStage({ batches, rows, endpoint = {}, tried }: StageParts) {
  let stored = batches
  let order = endpointConfig(endpoint)
  let time = 1_000_000
  let accepted = 0
  let open = true
  const now = () => time
  const letters: DeadLetter[] = []
  const oversizes: number[] = []
  const goneFor: string[] = []
  const waits: number[] = []
  /** What the store answers next instead of freezing. */
  const answers: FreezeOutcome[] = []
  const store = {
    endpoint: async (): Promise<EndpointState> => ({
      cursor: 9,
      doubted: 0,
      batches: stored,
      scans: [],
      ...(tried && { tried }),
    }),
    rows: async (sequences: readonly number[]) => rows.filter(({ sequence }) => sequences.includes(sequence)),
    async freeze(step: Freeze): Promise<FreezeOutcome> {
      const letter = step.deadLetters !== undefined
      const answer = letter ? answers.shift() : undefined
      if (answer !== undefined) return answer
      const instead = new Map(step.replaced?.map(({ id, by }) => [id, by]))
      const standing = new Map(step.parking?.map(({ id, parking }) => [id, parking]))
      stored = stored
        .filter(({ id }) => !step.settled.includes(id))
        .flatMap((batch) => instead.get(batch.id) ?? batch)
        .concat(step.batches)
        .map((batch) => {
          const parking = standing.get(batch.id)
          return parking === undefined ? batch : { ...batch, parking }
        })
      letters.push(...(step.deadLetters ?? []))
      return 'frozen'
    },
  }
  const random = () => 0.5
  const contexts = { of: async () => new Map([['ctx', context]]) }
  const loading = { store, contexts }
  const ledger = createLedger('dns', { store })
  const breaker = createBreaker({ random, now: time })
  const inside = () => (open ? fence({}) : () => false)
  const making = () => ({ endpoint: order, attach: {}, source: '', contexts, now, inside: inside() })
  const queue = createQueue('dns', { ...loading, ledger, making, now })
  const log = silentLog
  const about = { queue, ledger, loading, log, now, random }
  const verdicts = createVerdicts({ ...about, endpoint: () => order, onAccepted: () => accepted++ })
  const judge = createJudge({
    ...{ ...about, breaker, verdicts, inside },
    accepted: () => accepted,
    caughtUp: () => true,
    onSetback: ({ waitMs }) => void waits.push(waitMs),
    onGone: async ({ message }) => void goneFor.push(message),
    onOversize: (bytes) => void oversizes.push(bytes),
  })
  await queue.restore()

  const laneOf = (id: string): BatchLane => {
    const lane = queue.lanes.all.find(({ batch }) => batch.frozen.id === id)
    if (lane === undefined) throw new Error(`expected batch ${id} in a lane`)
    return lane
  }
  const first = (): BatchLane => {
    const [lane] = queue.lanes.all
    if (lane === undefined) throw new Error('expected a batch in a lane')
    return lane
  }
  async function attempt(lane: BatchLane, outcome: Outcome | { readonly kind: 'outside' }, probe = false): Promise<void> {
    if (outcome.kind === 'changed') throw new Error('expected an attempt that was made')
    queue.lanes.begin(lane)
    lane.batch = await load(lane.batch, loading)
    if (probe) breaker.probing()
    await judge.deal({ subject: { kind: 'lane', lane }, probe, outcome, at: time })
  }
  async function attemptParked(outcome: Outcome, probe = false): Promise<void> {
    if (outcome.kind === 'changed') throw new Error('expected an attempt that was made')
    const [object] = queue.parking.all()
    const [batch] = object?.batches ?? []
    if (object === undefined || batch === undefined) throw new Error('expected a parked object')
    if (probe) breaker.probing()
    const subject: Subject = { kind: 'parked', object, batch }
    await judge.deal({ subject, probe, outcome, at: time })
  }

  return {
    ...{ queue, ledger, breaker, letters, oversizes, goneFor, waits, answers, laneOf, first, attempt, attemptParked },
    stored: () => stored,
    now,
    pass: (ms: number) => {
      time += ms
    },
    fence: (to: boolean) => {
      open = to
    },
    /** Another request of the endpoint is accepted. */
    otherAccepted: () => {
      accepted++
    },
    configure: (parts: Partial<EndpointConfig>) => {
      order = endpointConfig({ ...endpoint, ...parts })
    },
    /** `object 2` or `patch 2`, one text for each event, of each batch in a lane. */
    lanes: async () => {
      const contents: (readonly string[])[] = []
      for (const { batch } of queue.lanes.all) {
        const text = Buffer.from(render(await load(batch, loading), 'dns').body).toString()
        contents.push(Array.from(text.matchAll(/"(object|patch)":\{"n":(\d+)\}/g), ([, kind, n]) => `${kind} ${n}`))
      }
      return contents
    },
    /** Sequences of what waits of each parked object. */
    parked: () => queue.parking.all().map(({ batches }) => batches.map(({ frozen }) => frozen.members[0]?.sequence)),
  }
}
