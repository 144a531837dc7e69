/**
 * Random histories in which the log is compacted at any moment: between two reads of a window, between reading and freezing, while a chunk of
 * a scan is held, while batches are frozen. Whatever comes of it, an endpoint ends with what is true, and is told each step as it is for it.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { createStore } from '../store/front.ts'
import type { Link } from '../store/link/link.ts'
import { openLocal } from '../store/link/local.ts'
import type { Store } from '../store/store.ts'
import { activation, bodyOf, gone, out, seen, startAgent, type TestAgent, watch } from '../store/testing/world.ts'
import { contexts } from './contexts.ts'
import { load, render } from './frozen.ts'
import { createLedger } from './ledger.ts'
import { silentMeter } from './meter.ts'
import { createQueue } from './queue.ts'
import { createSupply } from './supply.ts'
import { numbers } from './testing/numbers.ts'
import { payloadOf } from './testing/payload.ts'
import { endpointConfig } from './testing/rows.ts'

type Next = (below: number) => number
/** The first ones change often. */
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']

/** What happened over all histories: a test in which nothing was at stake proves nothing. */
const seenAtAll = { compacted: 0, readAgain: 0, scanned: 0 }

/** A receiver that follows the rule. `strict`: it was told everything from the beginning, so every item must be the step that it has to make. */
class Receiver {
  readonly table = new Map<string, string>()
  readonly #batches = new Map<string, string>()
  readonly #sequences = new Map<string, string>()
  readonly #strict: boolean
  constructor(strict: boolean) {
    this.#strict = strict
  }

  apply(body: string): void {
    const { id, items } = payloadOf({ id: '', path: '', headers: {}, body })
    const before = this.#batches.get(id)
    this.#batches.set(id, body)
    if (before !== undefined) {
      assert.equal(body, before, `batch ${id} came again with other bytes`)
      return
    }
    for (const { type, sequence, resource, object, reason } of items) {
      const { uid } = resource
      const has = this.table.has(uid)
      const last = this.#sequences.get(uid) ?? ''
      assert.ok(sequence > last || (!this.#strict && sequence === last), `${uid} went from ${last} to ${sequence}`)
      if (this.#strict) assert.equal(type === 'created', !has, `${type} of ${uid}, which the receiver ${has ? 'has' : 'lacks'}`)
      if (reason === 'initial' || reason === 'resync') seenAtAll.scanned++
      this.#sequences.set(uid, sequence)
      if (type === 'deleted') this.table.delete(uid)
      else this.table.set(uid, JSON.stringify(object))
    }
  }
}

/** The clusters' truth, and everything that happens to it and to its log. */
class Happenings {
  readonly truth = new Map<string, string>()
  readonly #sequences: number[] = []
  readonly #next: Next
  readonly #deps: { readonly store: Store; readonly link: Link; readonly agent: TestAgent; readonly tailRows: number }
  #version = 0
  quiet = false
  constructor(
    next: Next,
    deps: { readonly store: Store; readonly link: Link; readonly agent: TestAgent; readonly tailRows: number },
  ) {
    this.#next = next
    this.#deps = deps
  }

  async some(): Promise<void> {
    if (this.quiet || this.#next(2) === 0) return
    for (let n = this.#next(4); n > 0; n--) await (this.#next(3) === 0 ? this.#compact() : this.#change())
  }

  async #change(): Promise<void> {
    const name = names[this.#next(this.#next(8) === 0 ? names.length : 3)] ?? 'a'
    const had = this.truth.has(name)
    const hash = `h${++this.#version}`
    const away = had && this.#next(3) === 0
    if (away) this.truth.delete(name)
    else this.truth.set(name, JSON.stringify(JSON.parse(bodyOf(name, hash))))
    const entry = away ? (this.#next(2) === 0 ? gone(name) : out(name)) : seen(name, { hash, change: 'modified' })
    for (const { sequence } of await this.#deps.agent.send([entry])) this.#sequences.push(sequence)
  }

  /** A sweep over what is not in memory, whole or broken off, for one endpoint or for all. */
  async #compact(): Promise<void> {
    const { link, tailRows } = this.#deps
    const upTo = this.#sequences.at(-1 - tailRows) ?? 0
    const merging = [{}, { endpoint: 'dns' }, { endpoint: 'cmdb' }, undefined][this.#next(4)]
    await link.call('compact', { from: 0, upTo, ...(merging && { merging }) })
  }
}

interface Told {
  readonly receiver: Receiver
  step(): Promise<void>
}

/** One endpoint's courier, without the network: what it makes of the log is applied at once, and at times it begins anew. */
function courier(
  name: string,
  { store, next, happenings }: { readonly store: Store; readonly next: Next; readonly happenings: Happenings },
): Told {
  const receiver = new Receiver(name === 'dns')
  const endpoint = endpointConfig({
    name,
    history: next(2) === 0 ? 'latest' : 'every',
    batch: { maxObjects: 1 + next(4), maxBytes: 1e6, maxWaitMs: 0 },
  })
  const between = async <T>(call: () => Promise<T>): Promise<T> => {
    await happenings.some()
    const answer = await call()
    await happenings.some()
    return answer
  }
  const writes = new Set<Promise<unknown>>()
  const watched: Store = {
    ...store,
    state: store.state,
    read: (...of) => between(() => store.read(of[0], of[1], { ...of[2], rows: 1 + next(4) })),
    readScan: (id, limits) => between(() => store.readScan(id, { ...limits, rows: 1 + next(3) })),
    freeze: async (step) => {
      const writing = between(() => store.freeze(step))
      writes.add(writing)
      const outcome = await writing.finally(() => writes.delete(writing))
      if (outcome === 'read-again') seenAtAll.readAgain++
      return outcome
    },
  }
  const now = () => 1_000
  const inside = () => true
  const begin = () => {
    const ledger = createLedger(name, { store: watched })
    const loading = { store: watched, contexts: contexts(watched) }
    const making = () => ({ endpoint, attach: {}, contexts: loading.contexts, now, inside })
    const queue = createQueue(name, { ...loading, ledger, making, now })
    const onHeld = async () => {}
    const of = { store: watched, ledger, queue, meter: silentMeter, sleep: async () => {}, now, making, onHeld }
    const supply = createSupply(name, of)
    supply.scans.look()
    return { ledger, loading, queue, supply, restored: queue.restore() }
  }
  let running = begin()
  return {
    receiver,
    async step() {
      if (next(12) === 0 && !happenings.quiet) {
        await Promise.all(writes) // whoever comes next begins when the one before is over
        running = begin()
      }
      await running.restored
      const { queue, supply, ledger, loading } = running
      if (next(3) === 0) supply.scans.look()
      const lane = queue.lanes.next(now(), 1)
      if (lane === undefined) {
        await supply.next({ fullOnly: false, waited: true })
        return ledger.flush()
      }
      const request = render(await load(lane.batch, loading), name)
      receiver.apply(Buffer.from(request.body).toString())
      queue.lanes.finish(lane)
      ledger.accept(lane.batch.frozen.id)
      if (next(2) === 0) await ledger.flush()
    },
  }
}

async function runHistory(seed: number): Promise<void> {
  const next = numbers(seed)
  const tailRows = next(2) * next(6)
  const link = openLocal({ file: ':memory:' })
  const idle = (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }))
  await using store = createStore(link, { tail: { rows: tailRows, bytes: 1e9 }, sleep: idle })
  await store.activate(activation({ lb: watch() }))
  const happenings = new Happenings(next, { store, link, agent: await startAgent(store), tailRows })
  const couriers = [courier('dns', { store, next, happenings })]
  const joinsAt = next(50)
  for (let i = 0; i < 60; i++) {
    if (i === joinsAt) {
      await store.activate(activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }))
      couriers.push(courier('cmdb', { store, next, happenings }))
    }
    if (couriers.length > 1 && next(4) === 0) await store.resync({ endpoint: 'cmdb' })
    await happenings.some()
    for (const each of couriers) if (next(3) === 0) await each.step()
  }
  happenings.quiet = true
  const waits = async () => {
    const scans = await Promise.all(['dns', 'cmdb'].map(async (name) => (await store.endpoint(name)).scans))
    return scans.flat().length > 0 || (await store.stats()).endpoints.some(({ events }) => events > 0)
  }
  for (let i = 0; await waits(); i++) {
    assert.ok(i < 2_000, `seed ${seed}: expected what waits to end`)
    for (const each of couriers) await each.step()
  }
  seenAtAll.compacted += (await store.stats()).endpoints.reduce((sum, { skipped }) => sum + skipped, 0)
  for (const { receiver } of couriers)
    assert.deepEqual(
      [...receiver.table].map(([uid, body]) => [uid.replace('uid-', ''), body]).sort(),
      [...happenings.truth].sort(),
      `seed ${seed}`,
    )
}

test('however the log is compacted, an endpoint is told what is true, deletions too, and no step that it does not have to make', async () => {
  for (let seed = 1; seed <= 60; seed++)
    try {
      await runHistory(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  const { compacted, readAgain, scanned } = seenAtAll
  assert.ok(compacted > 1_000 && readAgain > 50 && scanned > 50, `expected much to be at stake, got ${JSON.stringify(seenAtAll)}`)
})
