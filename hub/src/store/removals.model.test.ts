/**
 * Random histories of commits over a cluster that goes on changing: watches that come, go, are narrowed, renamed, given other kinds and
 * endpoints, clusters that leave and return, an agent that runs behind and is interrupted, a courier that is slow. In the end an endpoint
 * that asks for it holds exactly what its watches want; and it was never told that a commit took an object which it was always to have. One that
 * does not ask lacks nothing of what its watches want, whatever else it still has.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Entry, FrameStream } from '@watch-hub/shared/protocol/frames'
import { openMemoryStore } from './memory.ts'
import type { Activation, LogRow, Store, WatchRoute } from './store.ts'
import { cluster, join, routes, watch } from './testing/world.ts'

type Next = (below: number) => number
const kinds = ['pods', 'services'] as const
type Kind = (typeof kinds)[number]
const predicates = ['all', 'x', 'y'] as const
const names = ['v', 'w', 'z'] as const

interface Wanted {
  readonly predicate: (typeof predicates)[number]
  readonly kinds: readonly Kind[]
  readonly endpoints: readonly string[]
}
interface Config {
  readonly present: boolean
  readonly watches: Readonly<Record<string, Wanted>>
}
interface Thing {
  readonly kind: Kind
  readonly x: boolean
  readonly y: boolean
  readonly content: number
}
interface PlanStream {
  readonly id: string
  readonly kind: Kind
  readonly watches: Readonly<Record<string, string>>
}
interface Plan {
  readonly hash: string
  readonly streams: readonly PlanStream[]
}

const fits = (predicate: string, { x, y }: Thing) => predicate === 'all' || (predicate === 'x' ? x : y)

function planOf({ watches }: Config): Plan {
  const streams = kinds.flatMap((kind) => {
    const having = Object.entries(watches).filter(([, each]) => each.kinds.includes(kind))
    if (having.length === 0) return []
    const own = Object.fromEntries(having.map(([name, { predicate }]) => [name, predicate]))
    return [{ id: kind, kind, watches: own }]
  })
  return { hash: JSON.stringify(streams), streams }
}

function activationOf(config: Config, { commit, unwatched }: Required<Pick<Activation, 'commit' | 'unwatched'>>): Activation {
  const { hash, streams } = planOf(config)
  const of = ({ predicate, endpoints }: Wanted): WatchRoute => watch({ definition: predicate, endpoints })
  const over = {
    plan: hash,
    streams: streams.map(({ id, kind, watches }) => ({ id, resource: kind, watches: Object.keys(watches) })),
  }
  const watches = Object.fromEntries(Object.entries(config.watches).map(([name, each]) => [name, of(each)]))
  return {
    endpoints: ['cmdb', 'dns'],
    unwatched,
    commit,
    clusters: config.present ? [routes(watches, over)] : [],
  }
}

/** What happened over all histories: a test in which nothing was at stake proves nothing. */
const atStake = { unwatched: 0, scanned: 0, waited: 0, interrupted: 0 }

class History {
  readonly truth = new Map<string, Thing>()
  config: Config = { present: true, watches: {} }
  /** Objects that the endpoint's watches did not want at some time since they came. */
  readonly #unwanted = new Set<string>()
  readonly #held = new Map<string, { readonly sequence: number; readonly body?: string }>()
  readonly #next: Next
  readonly #store: Store
  readonly #process: number
  readonly #asks: boolean
  readonly #indexes = new Map<string, Map<string, { readonly hash: string; readonly matches: string }>>()
  readonly #live = new Set<string>()
  #plan: Plan = { hash: '', streams: [] }
  #frame = 0
  #commits = 0
  #ids = 0

  constructor(next: Next, store: Store, { process, asks }: { readonly process: number; readonly asks: boolean }) {
    this.#next = next
    this.#store = store
    this.#process = process
    this.#asks = asks
  }

  wants(uid: string): boolean {
    const thing = this.truth.get(uid)
    if (thing === undefined || !this.config.present) return false
    return Object.values(this.config.watches).some(
      ({ predicate, kinds: of, endpoints }) => endpoints.includes('dns') && of.includes(thing.kind) && fits(predicate, thing),
    )
  }

  #noteUnwanted(): void {
    for (const uid of this.truth.keys()) if (!this.wants(uid)) this.#unwanted.add(uid)
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[this.#next(items.length)]
    if (item === undefined) throw new Error('expected something to pick from, got nothing')
    return item
  }

  async commit(): Promise<void> {
    const { watches } = this.config
    const name = this.#pick(names)
    const { [name]: old, ...others } = watches
    const made = (): Wanted => ({
      predicate: this.#pick(predicates),
      kinds: this.#pick([['pods'], ['services'], ['pods', 'services']] as const),
      endpoints: this.#pick([['dns'], ['cmdb'], ['cmdb', 'dns'], ['dns']]),
    })
    const free = names.filter((each) => !(each in watches))
    const change = this.#next(10)
    if (change === 0) this.config = { ...this.config, present: !this.config.present }
    else if (change < 4) this.config = { ...this.config, watches: others }
    else if (change < 6 && old !== undefined && free.length > 0)
      this.config = { ...this.config, watches: { ...others, [this.#pick(free)]: old } }
    else this.config = { ...this.config, watches: { ...others, [name]: made() } }
    this.#noteUnwanted()
    const unwatched = this.#asks ? ['dns'] : []
    await this.#store.activate(activationOf(this.config, { commit: `c${++this.#commits}`, unwatched }))
  }

  async change(): Promise<void> {
    const uids = [...this.truth.keys()]
    const roll = this.#next(6)
    const uid = uids.length < 3 || roll === 0 ? `o${++this.#ids}` : this.#pick(uids)
    const before = this.truth.get(uid)
    if (before !== undefined && roll === 1) {
      this.truth.delete(uid)
      this.#unwanted.add(uid)
    } else {
      const kind = before?.kind ?? this.#pick(kinds)
      this.truth.set(uid, { kind, x: this.#next(2) === 0, y: this.#next(2) === 0, content: this.#next(3) })
    }
    this.#noteUnwanted()
    const thing = this.truth.get(uid) ?? before
    for (const stream of this.#plan.streams)
      if (stream.kind === thing?.kind && this.#live.has(stream.id)) {
        const entry = this.#entryOf(stream, uid, 'live')
        if (entry !== undefined) await this.#send(stream, [entry])
      }
  }

  /** Takes the newest plan and compares kind by kind; now and then it is interrupted by another commit, with part of it said. */
  async agent(): Promise<void> {
    if (!this.config.present) return
    const plan = planOf(this.config)
    const old = this.#plan
    this.#plan = plan
    const same = (stream: PlanStream) => old.streams.some((each) => JSON.stringify(each) === JSON.stringify(stream))
    for (const stream of plan.streams) if (!same(stream)) this.#live.delete(stream.id)
    for (const id of [...this.#indexes.keys()]) if (!plan.streams.some((each) => each.id === id)) this.#drop(id)
    for (const stream of plan.streams) {
      if (this.#live.has(stream.id)) continue
      await this.#load(stream)
      const uids = [...new Set([...this.truth.keys(), ...(this.#indexes.get(stream.id)?.keys() ?? [])])].sort()
      const cut = this.#next(4) === 0 ? this.#next(uids.length + 1) : undefined
      for (const uid of uids.slice(0, cut)) {
        const entry = this.#entryOf(stream, uid, 'list')
        if (entry !== undefined) await this.#send(stream, [entry])
        if (this.#next(8) === 0) await this.courier(false)
      }
      if (cut !== undefined) {
        atStake.interrupted++
        return
      }
      const synced = Object.entries(stream.watches).map(([name, definition]) => ({ watch: name, definition }))
      await this.#send(stream, [{ s: 0, synced, cause: 'list', observedAt: 1 }])
      this.#live.add(stream.id)
    }
  }

  #drop(id: string): void {
    this.#indexes.delete(id)
    this.#live.delete(id)
  }

  async #load({ id }: PlanStream): Promise<void> {
    if (this.#indexes.has(id)) return
    const index = new Map<string, { readonly hash: string; readonly matches: string }>()
    const of = { cluster, plan: this.#plan.hash, stream: id }
    for await (const chunk of this.#store.readIndex(of, new AbortController().signal))
      for (const { uid, hash, matches } of chunk) index.set(uid, { hash, matches: matches.join(' ') })
    this.#indexes.set(id, index)
  }

  #entryOf(stream: PlanStream, uid: string, cause: 'live' | 'list'): Entry | undefined {
    const index = this.#indexes.get(stream.id)
    const before = index?.get(uid)
    const found = this.truth.get(uid)
    const thing = found?.kind === stream.kind ? found : undefined
    const base = { s: 0, uid, namespace: 'n', name: uid, resourceVersion: '1', cause, observedAt: 1 }
    if (thing === undefined) {
      if (before === undefined) return undefined
      index?.delete(uid)
      return { ...base, change: 'gone', matches: [] }
    }
    const matches = Object.entries(stream.watches)
      .flatMap(([name, predicate]) => (fits(predicate, thing) ? [name] : []))
      .sort()
    const hash = `${stream.id}-${thing.content}`
    if (matches.length === 0) {
      if (before === undefined) return undefined
      index?.delete(uid)
      return { ...base, change: 'modified', matches: [] }
    }
    if (before?.hash === hash && before.matches === matches.join(' ')) return undefined
    index?.set(uid, { hash, matches: matches.join(' ') })
    const body = before?.hash === hash ? {} : { body: JSON.stringify({ hash }) }
    return { ...base, change: before === undefined ? 'added' : 'modified', matches, hash, ...body }
  }

  async #send(stream: PlanStream, entries: readonly Entry[]): Promise<void> {
    const of: FrameStream = {
      id: stream.id,
      group: '',
      resource: stream.kind,
      version: 'v1',
      kind: stream.kind,
      namespaced: true,
    }
    const frame = { plan: this.#plan.hash, process: this.#process, number: ++this.#frame, streams: [of], sealedAt: 1, entries }
    const appended = await this.#store.append(cluster, frame)
    assert.equal(appended.kind, 'stored', JSON.stringify(appended))
  }

  #told(rows: readonly LogRow[]): void {
    for (const {
      object: { uid },
      sequence,
      body,
      routes: all,
    } of rows)
      for (const { endpoint, type, reason } of all) {
        if (endpoint !== 'dns') continue
        const last = this.#held.get(uid)?.sequence ?? 0
        if (reason === 'unwatched') {
          atStake.unwatched++
          const holds = this.#held.get(uid)?.body !== undefined
          assert.ok(!holds || this.#unwanted.has(uid), `${uid} was told as taken, and was always wanted`)
          assert.ok(sequence > last, `the deletion of ${uid} has number ${sequence}, which is not above ${last}`)
        }
        // What a scan tells again has the number that it had.
        const again = sequence === last && type !== 'deleted' && this.#held.get(uid)?.body === body
        if (sequence > last || again) this.#held.set(uid, type === 'deleted' ? { sequence } : { sequence, body })
      }
  }

  /**
   * One step: what is in the log, and a small chunk of a scan in its turn. True = there was something. `among`: things may change between reading
   * and freezing.
   */
  async courier(among = true): Promise<boolean> {
    const { scans, cursor } = await this.#store.endpoint('dns')
    if (scans.some(({ reason, waiting }) => reason === 'unwatched' && waiting)) atStake.waited++
    const scan = scans.find(({ waiting }) => !waiting)
    const limits = { rows: 1 + this.#next(3), bytes: 1e9 }
    if (scan === undefined || this.#next(2) === 0) return (await this.#readLog(cursor, limits)) || scan !== undefined
    const chunk = await this.#store.readScan(scan.id, limits)
    if (among && this.#next(2) === 0) await this.change()
    const read = await this.#store.read('dns', cursor, { rows: 10_000, bytes: 1e9, upTo: chunk.head })
    const step = { id: scan.id, position: chunk.position, sent: chunk.rows.length, done: chunk.done }
    const outcome = await this.#store.freeze({
      endpoint: 'dns',
      settled: [],
      batches: [],
      cursor: Math.max(chunk.head, cursor),
      scan: step,
    })
    if (outcome !== 'frozen') return true
    this.#told([...read.rows, ...chunk.rows])
    if (scan.reason === 'unwatched') atStake.scanned += chunk.rows.length
    return true
  }

  async #readLog(from: number, limits: { readonly rows: number; readonly bytes: number }): Promise<boolean> {
    const { rows, upTo, complete } = await this.#store.read('dns', from, limits)
    await this.#store.freeze({ endpoint: 'dns', settled: [], batches: [], cursor: upTo })
    this.#told(rows)
    return rows.length > 0 || !complete
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await this.agent()
    for (let i = 0; i < 3_000 && (await this.courier()); i++);
  }

  check(): void {
    const held = [...this.#held].flatMap(([uid, { body }]) => (body === undefined ? [] : [[uid, body] as const]))
    const wanted = [...this.truth].flatMap(([uid, { kind, content }]) => {
      const stream = this.#plan.streams.find((each) => each.kind === kind)
      return this.wants(uid) ? [[uid, JSON.stringify({ hash: `${stream?.id}-${content}` })] as const] : []
    })
    const uids = new Set(wanted.map(([uid]) => uid))
    const counted = this.#asks ? held : held.filter(([uid]) => uids.has(uid))
    assert.deepEqual(new Map(counted.toSorted()), new Map(wanted.toSorted()))
  }
}

/** mulberry32 */
function numbersOf(seed: number): Next {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

async function play(seed: number, steps: number, asks = true): Promise<void> {
  const next = numbersOf(seed)
  let now = 1_700_000_000_000
  await using store = openMemoryStore({ now: () => now++ })
  await join(store)
  const opened = await store.openProcess(cluster, 0)
  const history = new History(next, store, { process: opened.kind === 'opened' ? opened.process : 0, asks })
  await history.commit()
  for (let i = 0; i < steps; i++) {
    const roll = next(10)
    if (roll === 0) await history.commit()
    else if (roll < 3) await history.agent()
    else if (roll < 6) await history.courier()
    else await history.change()
    if (i % 40 === 39) {
      await history.settle()
      history.check()
    }
  }
}

const first = Number(process.env.WATCH_HUB_SEED ?? 1)
for (let seed = first; seed < first + 40; seed++) {
  test(`an endpoint that asks to be told what commits take ends with what it wants: history ${seed}`, () => play(seed, 160))
  test(`an endpoint that does not ask lacks nothing: history ${seed}`, () => play(seed, 160, false))
}

test('in these histories there was something at stake', () => {
  for (const [what, times] of Object.entries(atStake)) assert.ok(times > 20, `${what}: ${times}`)
})
