/**
 * What becomes of events that are to blame: they are parked, tried on their own schedule, and given up when that took too long. Each step is
 * written down before anything follows from it.
 *
 * Parking an object takes what waits of it out of the lanes, so nothing of it passes the event that is tried. Giving up makes a dead letter,
 * and what waited behind goes next.
 */
import { randomUUID } from 'node:crypto'
import { traceFields } from '@watch-hub/shared/protocol/traceparent'
import type { Log } from '@watch-hub/shared/runtime/log'
import { moment } from '@watch-hub/shared/runtime/moment'
import type { EndpointConfig } from '../config/model.ts'
import type { DeadLetter, FreezeOutcome, Parking as Standing } from '../store/store.ts'
import { anew } from './anew.ts'
import { together } from './change.ts'
import { eventId, type Item } from './formats/format.ts'
import { goneOut, type Loading, load, parked, type WaitingBatch } from './frozen.ts'
import { itemOf } from './joining.ts'
import { keep } from './kept.ts'
import type { Ledger } from './ledger.ts'
import { parkedDelayMs } from './parking.ts'
import type { BatchLane, Queue } from './queue.ts'
import type { NamedFailure } from './send.ts'
import { type Refused, sortOut, type Why, whyOf } from './sort-out.ts'

export interface VerdictsDeps {
  readonly queue: Queue
  readonly ledger: Ledger
  readonly loading: Loading
  readonly log: Log
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly endpoint: () => EndpointConfig
  /** Events of a batch were accepted. `told`: those of them that are known. */
  readonly onAccepted: (batch: WaitingBatch, told: readonly (Item | undefined)[], events: number) => void
}

export interface Verdicts {
  /** The one event of a batch is to blame. */
  park(lane: BatchLane, why: Why): Promise<void>
  /** A batch was accepted, except for some of its events. */
  named(lane: BatchLane, failures: readonly NamedFailure[]): Promise<void>
  /** A parked event was accepted, or named. */
  acceptParked(batch: WaitingBatch, failures: readonly NamedFailure[] | undefined, at: number): Promise<void>
  /** A parked event was tried at `at`, and is to blame again. */
  charge(batch: WaitingBatch, why: Why, of: Charge): Promise<void>
  /** It was tried, and nobody is to blame. `afterMs`: what the endpoint asked for. */
  postpone(batch: WaitingBatch, why: Why, afterMs?: number): void
}

export interface Charge {
  readonly at: number
  /** Trying again is pointless. */
  readonly final?: boolean
  /** What the endpoint asked for. */
  readonly afterMs?: number
}

const onDisk = {
  parked: () => moment('object-parked'),
  givenUp: () => moment('dead-letter-written'),
}

export function createVerdicts(deps: VerdictsDeps): Verdicts {
  const { queue, ledger, log, now, random } = deps
  let saidFull = false

  /** Not long after it may be given up, or it would be tried for longer than it is to be. */
  function nextTurn(firstAttemptAt: number, delayMs: number): number {
    const left = firstAttemptAt + deps.endpoint().retry.maxAgeMs - now()
    return now() + (left > 0 ? Math.min(delayMs, left) : delayMs)
  }

  const firstStanding = (
    object: string,
    why: Why,
    { afterMs, ...of }: { readonly attempts: number; readonly firstAttemptAt: number; readonly afterMs?: number | undefined },
  ): Standing => ({
    object,
    ...of,
    nextAttemptAt: nextTurn(of.firstAttemptAt, parkedDelayMs(of.attempts, random, afterMs)),
    reason: why.message,
    ...(why.status !== undefined && { status: why.status }),
  })

  const traceOf = ({ frozen }: WaitingBatch) => traceFields(queue.tries.of(frozen.id).last)

  async function park(lane: BatchLane, why: Why): Promise<void> {
    const batch = await load(lane.batch, deps.loading)
    const { id } = batch.frozen
    const [object] = batch.keys
    if (object === undefined) {
      log.warn('the endpoint does not take the marker of a scan: it is left out', { reason: why.message })
      return expectFrozen(await queue.change({ given: [id] }))
    }
    const attempts = Math.max(1, lane.unclear)
    const standing = firstStanding(object, why, { attempts, firstAttemptAt: batch.firstChargedAt ?? now() })
    const trace = traceOf(batch)
    const withdrawn = await queue.withdraw(new Set([object]))
    const outcome = await queue.change(together({ replaced: [{ id, by: [parked(batch, standing, now())] }] }, withdrawn))
    expectFrozen(outcome)
    onDisk.parked()
    log.warn('an object is parked', { object: shown(object), reason: why.message, ...trace })
  }

  async function named(lane: BatchLane, failures: readonly NamedFailure[]): Promise<void> {
    const batch = await load(lane.batch, deps.loading)
    const refused = sortOut(batch, failures)
    // ids that are not ours are foreign text, perhaps a secret said back: they are counted
    if (refused.unknown.length > 0)
      log.warn('the endpoint names events that were not sent to it', { events: refused.unknown.length })
    const untaken = new Set([...refused.parked, ...refused.dead].map(({ item }) => item))
    const failing = untaken.size
    const letters = refused.dead.map(({ item, why }) =>
      letterOf(item, why, { attempts: 1, firstAttemptAt: batch.firstChargedAt ?? now() }),
    )
    const trace = traceOf(batch)
    let outcome = await part(lane, batch, { parking: refused.parked, letters })
    if (outcome === 'full') {
      sayFull()
      const all = [...refused.parked, ...refused.dead].filter(({ superseded }) => !superseded).sort((a, b) => a.at - b.at)
      outcome = await part(lane, batch, { parking: all, letters: [] })
    }
    expectFrozen(outcome)
    const told = (batch.items ?? []).filter((item) => item !== undefined && !untaken.has(item))
    deps.onAccepted(batch, told, batch.frozen.members.length - failing)
    if (failing > 0)
      log.warn('the endpoint did not take some events of a batch', { events: failing, reason: failures[0]?.message, ...trace })
  }

  /** The named events stay as parked ones, or become letters; the rest was accepted. */
  async function part(lane: BatchLane, batch: WaitingBatch, { parking, letters }: Parts): Promise<FreezeOutcome> {
    const firsts = new Map<string, Refused>()
    const behind: Item[] = []
    for (const each of parking) {
      if (firsts.has(each.key)) behind.push(goneOut(each.item, queue.tries.lastOf(batch.frozen.id)))
      else firsts.set(each.key, each)
    }
    const by = [...firsts.values()].map(({ at, key, why }) => {
      const standing = firstStanding(key, why, { attempts: 1, firstAttemptAt: batch.firstChargedAt ?? now() })
      const alone = batch.frozen.members.length === 1 ? batch : anew(batch, { only: (i) => i === at, marker: false, now: now() })
      return parked(alone ?? batch, standing, now())
    })
    const withdrawn = await queue.withdraw(new Set(firsts.keys()), behind)
    if (letters.length > 0 || by.length > 0) ledger.doubt(ledger.cursor)
    const elsewhere = new Set(withdrawn.replaced?.map(({ id }) => id))
    const whole = letters.length === 0 ? {} : queue.wholeBehind(lane, elsewhere) // no patch is based on what was given up
    const outcome = await queue.change(
      together({ replaced: [{ id: batch.frozen.id, by }] }, withdrawn, whole),
      letters.length === 0 ? {} : { deadLetters: letters },
    )
    if (outcome === 'frozen' && by.length > 0) onDisk.parked()
    if (outcome === 'frozen' && letters.length > 0) onDisk.givenUp()
    return outcome
  }

  async function acceptParked(batch: WaitingBatch, failures: readonly NamedFailure[] = [], at: number): Promise<void> {
    const item = itemOf(batch)
    const id = eventId(item)
    const failure = failures.find((each) => each.id === id)
    if (failure !== undefined) return charge(batch, whyOf(failure), { at, final: !failure.retry })
    expectFrozen(await queue.change({ given: [batch.frozen.id] }))
    deps.onAccepted(batch, [item], 1)
    moment('object-unparked')
  }

  async function charge(batch: WaitingBatch, why: Why, { at, final = false, afterMs }: Charge): Promise<void> {
    const { id, parking } = batch.frozen
    if (parking === undefined) throw new Error(`expected batch ${id} to be parked`)
    const { firstAttemptAt = at } = parking
    const attempts = parking.attempts + 1
    if (
      (final || now() >= firstAttemptAt + deps.endpoint().retry.maxAgeMs) &&
      (await giveUp(batch, why, { attempts, firstAttemptAt }))
    )
      return
    stand(id, firstStanding(parking.object, why, { attempts, firstAttemptAt, afterMs }))
  }

  function stand(id: string, parking: Standing): void {
    queue.parking.stand(id, parking)
    ledger.park(id, parking)
  }

  function sayFull(): void {
    if (!saidFull) log.error('there is no room for more dead letters: parked objects are tried on; replay or drop some letters')
    saidFull = true
  }

  /** False = there is no room for the letter. */
  async function giveUp(batch: WaitingBatch, why: Why, of: Pick<DeadLetter, 'attempts' | 'firstAttemptAt'>): Promise<boolean> {
    const item = itemOf(batch)
    const trace = traceOf(batch)
    const outcome = await queue.change({ given: [batch.frozen.id] }, { deadLetters: [letterOf(item, why, of)] })
    if (outcome === 'full') {
      sayFull()
      return false
    }
    expectFrozen(outcome)
    saidFull = false
    ledger.doubt(ledger.cursor)
    onDisk.givenUp()
    log.warn('an event was given up: it is a dead letter now', { object: shown(objectOf(batch)), reason: why.message, ...trace })
    return true
  }

  const letterOf = (item: Item, why: Why, of: Pick<DeadLetter, 'attempts' | 'firstAttemptAt'>): DeadLetter => ({
    id: randomUUID(),
    endpoint: deps.endpoint().name,
    cluster: item.row.cluster,
    object: item.row.object,
    sequence: item.member.sequence,
    type: item.member.type,
    cause: why.kind,
    reason: why.message,
    ...of,
    diedAt: now(),
    ...(why.status !== undefined && { status: why.status }),
    ...(why.answer !== undefined && { answer: why.answer }),
    content: keep(item),
  })

  return {
    park,
    named,
    acceptParked,
    charge,
    postpone(batch, why, afterMs) {
      const { id, parking } = batch.frozen
      if (parking === undefined) return
      const nextAttemptAt = now() + parkedDelayMs(parking.attempts, random, afterMs)
      stand(id, { ...parking, nextAttemptAt, reason: why.message })
    },
  }
}

interface Parts {
  readonly parking: readonly Refused[]
  readonly letters: readonly DeadLetter[]
}

const objectOf = ({ frozen, keys }: WaitingBatch): string => frozen.parking?.object ?? keys[0] ?? ''

const shown = (key: string): string => key.replaceAll('\n', ' ')

function expectFrozen(outcome: FreezeOutcome): void {
  if (outcome !== 'frozen') throw new Error(`expected batches that were frozen before to be frozen again, got ${outcome}`)
}
