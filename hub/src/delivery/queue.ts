/**
 * The queue of one courier: what is frozen and not yet settled, in lanes and parked. The store has the same. Every change is written down
 * before it is made here; what is here besides is events in memory, which may be let go at any time.
 */
import type { FreezeOutcome, FrozenBatch, LastAttempt, Store } from '../store/store.ts'
import { anew, whole } from './anew.ts'
import type { Change } from './change.ts'
import type { Item } from './formats/format.ts'
import { goneOut, type Loading, load, restored, type WaitingBatch, withoutItems } from './frozen.ts'
import { type JoiningDeps, joined } from './joining.ts'
import { createLanes, type Lane, type Lanes } from './lanes.ts'
import type { Ledger, LedgerStep } from './ledger.ts'
import { createParking, longestParkedDelayMs, type Parking } from './parking.ts'
import { createTries, type Tries } from './tries.ts'

export type BatchLane = Lane<WaitingBatch>

export interface QueueDeps {
  readonly store: Pick<Store, 'endpoint' | 'rows'>
  readonly ledger: Ledger
  readonly contexts: Loading['contexts']
  readonly making: () => JoiningDeps['making']
  readonly now: () => number
}

export interface Queue {
  readonly lanes: Lanes<WaitingBatch>
  readonly parking: Parking
  readonly tries: Tries
  /** Begins with what the store has, and without what was accepted already. */
  restore(): Promise<void>
  /** Makes a change, on disk first. Nothing is changed unless the answer is `frozen`. */
  change(change: Change, step?: Omit<LedgerStep, 'batches' | 'replaced' | 'given'>): Promise<FreezeOutcome>
  /** Where later events of parked objects go. */
  join(items: readonly Item[]): Change
  /**
   * What waits of these objects in lanes joins behind, and before that `earlier`: they get parked. Nothing of them is under way. The others of
   * their batches are told whole.
   */
  withdraw(keys: ReadonlySet<string>, earlier?: readonly Item[]): Promise<Change>
  /** What waits behind a batch that is not told as it was frozen: patches are told whole. `except`: ids of those that change otherwise. */
  wholeBehind(lane: BatchLane, except?: ReadonlySet<string>): Change
  /** Keeps no events in memory: for an endpoint that does not answer. */
  release(): void
}

export function createQueue(endpoint: string, deps: QueueDeps): Queue {
  const { store, ledger, making, now } = deps
  let lanes = createLanes<WaitingBatch>()
  let parking = createParking()
  const tries = createTries()

  const laneOf = (id: string): BatchLane | undefined => lanes.all.find(({ batch }) => batch.frozen.id === id)

  function place(batches: readonly WaitingBatch[]): void {
    for (const batch of batches) if (batch.frozen.parking !== undefined) parking.add(batch)
    for (const { frozen } of batches) tries.begin(frozen)
    lanes.add(batches.filter(({ frozen }) => frozen.parking === undefined))
  }

  function replace(id: string, by: readonly WaitingBatch[]): void {
    for (const { frozen } of by) tries.begin(frozen)
    if (!by.some(({ frozen }) => frozen.id === id)) tries.forget(id)
    const lane = laneOf(id)
    if (lane === undefined) parking.replace(id, by)
    else {
      lanes.replace(
        lane,
        by.filter(({ frozen }) => frozen.parking === undefined),
      )
      for (const batch of by) if (batch.frozen.parking !== undefined) parking.add(batch)
    }
  }

  const join = (items: readonly Item[]): Change => joined(items, { parking, making: making() })

  return {
    get lanes() {
      return lanes
    },
    get parking() {
      return parking
    },
    tries,
    async restore() {
      await ledger.still()
      const { batches, tried, ...state } = await store.endpoint(endpoint)
      ledger.begin(state)
      tries.restore({ batches, ...(tried !== undefined && { tried }) })
      lanes = createLanes()
      parking = createParking()
      for (const frozen of batches) {
        if (ledger.accepted.has(frozen.id)) continue
        const attempts = tried?.get(frozen.id)
        place([await restored(inReach(frozen, now()), deps)])
        const lane = attempts && laneOf(frozen.id)
        if (lane !== undefined) lane.failures = attempts?.attempts ?? 0
      }
    },
    async change({ batches = [], replaced: others = [], given = [] }, step = {}) {
      const replaced = others.map(({ id, by }) => ({ id, by: by.map((batch) => goingOn(batch, tries.lastOf(id))) }))
      const outcome = await ledger.freeze({
        ...step,
        batches: batches.map((each) => each.frozen),
        ...(replaced.length > 0 && { replaced: replaced.map(({ id, by }) => ({ id, by: by.map((each) => each.frozen) })) }),
        ...(given.length > 0 && { given }),
      })
      if (outcome !== 'frozen') return outcome
      for (const id of given) replace(id, [])
      for (const { id, by } of replaced) replace(id, by)
      place(batches)
      return outcome
    },
    join,
    async withdraw(keys, earlier = []) {
      const replaced: { readonly id: string; readonly by: readonly WaitingBatch[] }[] = []
      const items: Item[] = [...earlier]
      for (const { batch, busy } of [...lanes.all]) {
        // a copy: attempts under way finish meanwhile
        if (busy || !batch.keys.some((key) => keys.has(key))) continue
        const { items: loaded = [] } = await load(batch, deps)
        const stays = (i: number) => !keys.has(batch.keys[i] ?? '')
        const lastAttempt = tries.lastOf(batch.frozen.id)
        const taken = loaded.filter((item, i) => item !== undefined && !stays(i))
        items.push(...taken.flatMap((item) => (item === undefined ? [] : [goneOut(item, lastAttempt)])))
        const rest = anew(batch, { only: stays, whole: true, now: now() })
        replaced.push({ id: batch.frozen.id, by: rest === undefined ? [] : [rest] })
      }
      return { batches: join(items).batches ?? [], replaced }
    },
    wholeBehind(lane, except = new Set()) {
      const untold = ({ lastTurn, batch }: BatchLane) => lastTurn === 0 && !except.has(batch.frozen.id)
      const behind = lanes.all.slice(lanes.all.indexOf(lane) + 1).filter(untold)
      return {
        replaced: behind.flatMap(({ batch }) => {
          const anew = whole(batch, now())
          return anew === batch ? [] : [{ id: batch.frozen.id, by: [anew] }]
        }),
      }
    },
    release() {
      for (const lane of lanes.all) if (!lane.busy) lane.batch = withoutItems(lane.batch)
    },
  }
}

/** It takes the place of a batch whose last attempt this was. */
const goingOn = (batch: WaitingBatch, lastAttempt: LastAttempt | undefined): WaitingBatch =>
  lastAttempt === undefined ? batch : { ...batch, frozen: { ...batch.frozen, lastAttempt } }

/** A turn that was set by a clock which was ahead does not keep an object waiting longer than its schedule does. */
function inReach(frozen: FrozenBatch, now: number): FrozenBatch {
  const { parking } = frozen
  if (parking === undefined) return frozen
  const nextAttemptAt = Math.min(parking.nextAttemptAt, now + longestParkedDelayMs(parking.attempts))
  return { ...frozen, parking: { ...parking, nextAttemptAt } }
}
