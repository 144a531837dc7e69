/**
 * The queue of one courier: batches that are frozen and not yet accepted, in order. The store has the same; what is here besides is rows in
 * memory, which may be let go at any time.
 */
import type { Store } from '../store/store.ts'
import type { Fence } from './allow.ts'
import type { Contexts } from './contexts.ts'
import { fenced, render, type WaitingBatch, whole, withoutRows, withRows } from './frozen.ts'
import type { Ledger } from './ledger.ts'
import type { Outgoing } from './send.ts'

export interface QueueDeps {
  readonly store: Pick<Store, 'endpoint' | 'rows'>
  readonly ledger: Ledger
  readonly contexts: Contexts
  readonly now: () => number
  /** The fence as it is now. */
  readonly inside: () => Fence
}

export interface Queue {
  readonly length: number
  /** Begins with what the store has, and without what was accepted already. */
  restore(): Promise<void>
  /** Appends batches that were just frozen. */
  add(batches: readonly WaitingBatch[]): void
  /** The first batch as a request, as far as the fence lets it pass; nothing when none of it does, then that batch is gone. */
  first(): Promise<Outgoing | undefined>
  /** The first batch was accepted. Answers with it. */
  accept(): WaitingBatch | undefined
  /** Keeps no rows in memory: for an endpoint that does not answer. */
  release(): void
}

export function createQueue(endpoint: string, { store, ledger, contexts, now, inside }: QueueDeps): Queue {
  let batches: readonly WaitingBatch[] = []

  /**
   * Puts another batch, or none, in the place of the first one, in the store too. The order of all stays. What was left out is not told, so
   * nothing that follows is told as a patch.
   */
  async function replaceFirst(anew: WaitingBatch | undefined): Promise<void> {
    const ids = batches.map(({ frozen }) => frozen.id)
    const rest = batches.slice(1).map((each) => whole(each, now()))
    const next = anew === undefined ? rest : [anew, ...rest]
    const onlyLess = anew === undefined && rest.every((each, i) => each === batches[i + 1])
    const outcome = onlyLess
      ? await ledger.freeze({ given: ids.slice(0, 1), batches: [] })
      : await ledger.freeze({ given: ids, batches: next.map(({ frozen }) => frozen) })
    if (outcome !== 'frozen')
      throw new Error(`expected batches of ${endpoint} that were frozen before to be frozen again, got ${outcome}`)
    ledger.doubt(ledger.cursor)
    batches = next
  }

  return {
    get length() {
      return batches.length
    },
    async restore() {
      const state = await store.endpoint(endpoint)
      ledger.begin(state)
      batches = state.batches.filter(({ id }) => !ledger.accepted.has(id)).map((frozen) => ({ frozen }))
    },
    add(more) {
      batches = [...batches, ...more]
    },
    async first() {
      const [stored] = batches
      if (stored === undefined) return undefined
      const loaded = await withRows(stored, store)
      const passing = fenced(loaded, inside(), now())
      if (passing !== loaded) await replaceFirst(passing)
      if (passing === undefined) return undefined
      const request = await render(passing, endpoint, contexts)
      batches = [withoutRows(passing), ...batches.slice(1)]
      return request
    },
    accept() {
      const [head, ...rest] = batches
      batches = rest
      if (head !== undefined) ledger.accept(head.frozen.id)
      return head
    },
    release() {
      batches = batches.map(withoutRows)
    },
  }
}
