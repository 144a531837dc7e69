/**
 * Replays: dead letters of one endpoint that are told again, some at a time. Like a scan's chunk, what was read at some head of the log is sent
 * when the cursor is there, so it is as new as everything that was sent before. A letter is forgotten in the step that freezes its event.
 *
 * Orders are kept in memory alone: a restart leaves the letters where they are.
 */
import { randomUUID } from 'node:crypto'
import type { DeadLetter, Member, Replay, Sequence, Store } from '../store/store.ts'
import { type Fence, placeOf } from './allow.ts'
import { cut, cutLimits } from './batch.ts'
import { memberOf } from './compact.ts'
import type { ReplayedLetter, ReplayOutcome } from './detail.ts'
import type { Item } from './formats/format.ts'
import { itemsOf, keptBatch, type Making, type WaitingBatch } from './frozen.ts'
import { unkeep } from './kept.ts'
import { objectKeyOf } from './object-key.ts'

export interface HeldReplay {
  /** The log's head when they were read. */
  readonly head: Sequence
  readonly replays: readonly Replay[]
  /** Ids that were looked at. */
  readonly ids: readonly string[]
}

export interface Replays {
  /** What was read and not yet sent: the cursor must not pass it. */
  readonly held: HeldReplay | undefined
  /** Resolves when all of them are frozen, or cannot be; when `signal` aborts, what is left is answered with `waits`. */
  order(ids: readonly string[], signal: AbortSignal): Promise<readonly ReplayedLetter[]>
  /** The held part, or else the next one; nothing when none was ordered. */
  next(): Promise<HeldReplay | undefined>
  /** The held part is being frozen: `look` or `done` follow. */
  freezing(): void
  /** The held part is old: it is read again. */
  look(): void
  /** The held part is frozen. */
  done(answers: readonly ReplayedLetter[]): void
}

interface ReplayOrder {
  readonly left: string[]
  readonly answers: ReplayedLetter[]
  readonly signal: AbortSignal
  readonly resolve: (answers: readonly ReplayedLetter[]) => void
}

/** Letters of one step. */
const lettersAtOnce = 200

export function createReplays(endpoint: string, store: Pick<Store, 'readReplay'>): Replays {
  const orders: ReplayOrder[] = []
  let held: HeldReplay | undefined
  let freezing = false

  /** Answers what came of an order, if it is over: when all of it was looked at, or when nobody waits any longer. */
  function close(order: ReplayOrder): void {
    if (order.left.length > 0 && !order.signal.aborted) return
    orders.splice(orders.indexOf(order), 1)
    order.resolve([...order.answers, ...order.left.map((id) => ({ id, outcome: 'waits' as const }))])
  }

  function onAbort(order: ReplayOrder): void {
    const first = order === orders[0]
    if (first && freezing) return // then it is closed when that is over
    if (first) held = undefined
    if (orders.includes(order)) close(order)
  }

  return {
    get held() {
      return held
    },
    order: (ids, signal) =>
      new Promise((resolve) => {
        const order = { left: [...ids], answers: [], signal, resolve }
        orders.push(order)
        if (ids.length === 0 || signal.aborted) return close(order)
        signal.addEventListener('abort', () => onAbort(order), { once: true })
      }),
    async next() {
      const [order] = orders
      if (held !== undefined || order === undefined) return held
      const asked = order.left.slice(0, lettersAtOnce)
      const { head, replays, rest } = await store.readReplay(endpoint, asked)
      if (order !== orders[0]) return undefined // it was called off meanwhile
      held = { head, replays, ids: asked.slice(0, asked.length - rest.length) }
      return held
    },
    freezing: () => {
      freezing = true
    },
    look: () => {
      freezing = false
      held = undefined
      const [order] = orders
      if (order?.signal.aborted) close(order)
    },
    done(answers) {
      freezing = false
      const [order] = orders
      const looked = held?.ids.length ?? 0
      held = undefined
      if (order === undefined) return
      order.left.splice(0, looked)
      order.answers.push(...answers)
      close(order)
    },
  }
}

export interface ReplayingDeps {
  readonly parked: (key: string) => boolean
  readonly making: Making & { readonly inside: Fence }
}

export interface ReplayBatches {
  readonly batches: readonly WaitingBatch[]
  /** Ids of letters that are forgotten with this step. */
  readonly replayed: readonly string[]
  readonly answers: readonly ReplayedLetter[]
}

/** What is told of these letters now, and what is answered to whoever asked. */
export async function replayBatches({ replays, ids }: HeldReplay, { parked, making }: ReplayingDeps): Promise<ReplayBatches> {
  const outcomes = new Map(ids.map((id): [string, ReplayOutcome] => [id, 'missing']))
  const items: Item[] = []
  const told = new Set<string>()
  const scan = randomUUID()
  for (const replay of replays) {
    const { letter } = replay
    const key = objectKeyOf(letter)
    const outcome = parked(key) ? 'parked' : outcomeOf(replay)
    outcomes.set(letter.id, outcome)
    const one = `${key}\n${letter.object.uid}`
    if ((outcome !== 'sent' && outcome !== 'current') || told.has(one)) continue
    told.add(one) // the current state says it all; of one that was re-created before, its end has to be told too
    const item = await itemOf(replay, scan, making)
    if (item !== undefined && making.inside(placeOf(item.row))) items.push(item)
  }
  const staying: ReadonlySet<ReplayOutcome> = new Set<ReplayOutcome>(['parked', 'unknown', 'missing'])
  return {
    batches: batchesOf(
      items.toSorted((a, b) => a.member.sequence - b.member.sequence), // the old one of a name ends before the new one
      making,
    ),
    replayed: [...outcomes].flatMap(([id, outcome]) => (staying.has(outcome) ? [] : [id])),
    answers: [...outcomes].map(([id, outcome]) => ({ id, outcome })),
  }
}

const outcomeOf = ({ standing, letter, row, deletedAgain }: Replay): ReplayOutcome => {
  if (standing === 'gone' || standing === 'unwatched' || standing === 'unknown') return standing
  if (standing === 'same') return 'sent'
  return row === undefined && letter.type === 'deleted' && deletedAgain === undefined ? 'gone' : 'current'
}

/** The object's current state; of a deletion, what the letter holds. */
async function itemOf(
  { letter, row, deletedAgain }: Replay,
  scan: string,
  { endpoint, contexts }: Making,
): Promise<Item | undefined> {
  const route = row?.routes.find((each) => each.endpoint === endpoint.name)
  if (row === undefined || route === undefined)
    return letter.type === 'deleted' ? deletionOf(letter, scan, deletedAgain) : undefined
  const [item] = await itemsOf({ spans: [{ row, member: memberOf(row, route), first: 0, last: 0 }] }, contexts, scan)
  return item
}

function deletionOf({ content }: DeadLetter, scan: string, sequence?: Sequence): Item {
  const { member, ...item } = unkeep(content)
  const told: Member = { ...member, reason: 'replay', ...(sequence !== undefined && { sequence }) }
  return { ...item, member: told, scan }
}

function batchesOf(items: readonly Item[], making: Making): readonly WaitingBatch[] {
  const byRow = new Map(items.map((item) => [item.row, item]))
  const spans = items.map(({ row, member }, i) => ({ row, member, first: i, last: i }))
  return cut(spans, cutLimits(making.endpoint)).map((each) =>
    keptBatch(
      each.spans.flatMap(({ row }) => byRow.get(row) ?? []),
      making,
    ),
  )
}
