/**
 * `delta: true` under everything that can happen to it. Random histories of objects with random JSON go through the real store to receivers
 * that fail at random, while couriers and hubs are killed, the database is put back to an old copy, the log is compacted and pruned, fences,
 * projections and endpoints come and go: what a receiver makes of what arrived, in order, is always the object that was appended.
 */
import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import type { EndpointConfig, Snapshot } from '../config/model.ts'
import { activationOf, planFor } from '../config/plan.ts'
import { createStore } from '../store/front.ts'
import type { Link } from '../store/link/link.ts'
import { openLocal } from '../store/link/local.ts'
import type { Store } from '../store/store.ts'
import { type Delivery, startDelivery } from './dispatcher.ts'
import { createEgress } from './egress.ts'
import { startSecrets } from './secrets.ts'
import { miniAgent, type Thing } from './testing/mini-agent.ts'
import { numbers } from './testing/numbers.ts'
import { type PatchedBook, patchedBook } from './testing/patched-book.ts'
import { changed, firstObject } from './testing/random-json.ts'
import { startReceiver } from './testing/receiver.ts'
import { endpointConfig } from './testing/rows.ts'
import { sleeping } from './testing/sleeping.ts'
import { snapshotOf, watchConfig } from './testing/world.ts'

const cluster = 'prod-eu-1'
const uids = ['a', 'b', 'c']
/** Rows in memory: few, so that couriers read the disk too and compaction has something to do. */
const tailRows = 4

interface Hub {
  readonly link: Link
  readonly store: Store
  readonly delivery: Delivery
  /** Ends it: as it should, or so that nothing of what is under way is written. */
  end(how: 'stopped' | 'killed'): Promise<void>
}

async function runHistory(seed: number): Promise<readonly PatchedBook[]> {
  /** What happens; and what chance does to it, which depends on time. */
  const next = numbers(seed)
  const luck = numbers(seed + 1_000_000)
  const turns = async (count: number) => {
    for (let i = 0; i < count; i++) await new Promise(setImmediate)
  }
  const chance = (of: number) => next(of) === 0
  const oneOf = <T>(...all: readonly [T, ...T[]]): T => all[next(all.length)] ?? all[0]
  await using scope = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'watch-hub-delta-'))
  scope.defer(() => rm(folder, { recursive: true, force: true }))
  const receiver = scope.use(await startReceiver())
  const secrets = scope.use(startSecrets({ log: silentLog }, { folder: join(folder, 'secrets'), env: {} }))
  const file = join(folder, 'hub.db')
  const copy = join(folder, 'copy.db')

  const truth = new Map<string, Thing>()
  const agent = miniAgent(cluster, truth)
  const bodies = new Map<number, string>()
  const sequences: number[] = []
  const books = new Map(['/dns', '/late'].map((path) => [path, patchedBook((sequence) => bodies.get(sequence))]))
  const faults: unknown[] = []
  let down = false
  const time = sleeping()
  receiver.otherwise((response, request) => {
    const what = luck(12)
    if (what === 0 || down) return void response.writeHead(503).end()
    if (what === 1) return void request.socket.destroy()
    try {
      books.get(request.url ?? '')?.take(receiver.received.at(-1)?.body ?? '')
    } catch (error) {
      faults.push(error)
    }
    if (what === 2)
      request.socket.destroy() // it has the batch, and the hub does not know
    else response.writeHead(200).end()
  })

  const fences: readonly [EndpointConfig['allow'], ...EndpointConfig['allow'][]] = [
    {},
    { namespaces: ['web'] },
    { resources: [{ group: '', resource: 'services', version: 'v1' }] },
  ]
  const endpoint = (name: string): EndpointConfig =>
    endpointConfig({
      name,
      url: `${receiver.url}/${name}`,
      delta: true,
      history: oneOf('latest', 'every'),
      batch: { maxObjects: 1 + next(3), maxBytes: 1_000_000, maxWaitMs: next(2) * 50 },
    })
  const endpoints = new Map<string, EndpointConfig>([['dns', endpoint('dns')]])
  const projections: Record<string, readonly string[]> = { services: [], more: [], other: [] }
  let hears = 'services'
  let version = 'v1'
  let snapshot: Snapshot = snapshotOf({ endpoints: [] })
  let hub = await open(true)
  scope.defer(() => hub.end('stopped'))

  async function open(first = false): Promise<Hub> {
    const link = openLocal({ file })
    const never = (_ms: number, signal?: AbortSignal) =>
      new Promise<void>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }))
    const store = createStore(link, { tail: { rows: tailRows, bytes: 1e6 }, sleep: never })
    if (first) {
      await store.saveToken({ hash: 'h', cluster, expiresAt: Number.MAX_SAFE_INTEGER, replace: false })
      await store.join({ cluster, tokenHash: 'h', publicKey: 'key', clusterUid: 'uid', now: Date.now() })
    }
    store.onAppend((rows) => {
      for (const { sequence, body } of rows) {
        bodies.set(sequence, body)
        sequences.push(sequence)
      }
    })
    const delivery = await deliver(store)
    let dead = false
    async function deliver(to: Store): Promise<Delivery> {
      const freeze: Store['freeze'] = async (step) => {
        await turns(luck(4))
        if (dead) throw new Error('killed')
        const outcome = await to.freeze(step)
        await turns(luck(4))
        return outcome
      }
      const deps = { store: { ...to, freeze }, secrets, egress: createEgress(['127.0.0.0/8']), log: silentLog }
      const started = startDelivery(
        { ...deps, sleep: time.sleep, now: time.now, random: () => 0 },
        { release: '0.1.0', allowInsecureCredentials: true, graceMs: 1 },
      )
      started.follow(snapshot)
      return started
    }
    return {
      link,
      store,
      get delivery() {
        return delivery
      },
      end: async (how) => {
        dead = how === 'killed'
        await delivery[Symbol.asyncDispose]()
        await store[Symbol.asyncDispose]()
      },
    }
  }

  async function commit(): Promise<void> {
    const to = (watch: string) => (watch === hears ? [...endpoints.keys()] : [])
    const watches = ['services', 'more', 'other'].map((name) =>
      watchConfig({ name, endpoints: to(name), fields: { keep: [], prune: projections[name] ?? [] } }),
    )
    snapshot = snapshotOf({ endpoints: [...endpoints.values()], watches })
    await hub.store.activate(activationOf(snapshot))
    hub.delivery.follow(snapshot)
    const plan = planFor(snapshot, cluster)
    if (plan !== undefined) await agent.follow(plan, version)
  }

  async function recommit(): Promise<void> {
    const what = next(12)
    const before = endpoints.get('dns') ?? endpoint('dns')
    if (what < 5) endpoints.set('dns', { ...before, allow: oneOf(...fences) })
    else if (what === 5) endpoints.set('dns', { ...before, delta: !before.delta })
    else if (what === 6) endpoints.set('dns', endpoint('dns'))
    else if (what === 7) endpoints.set('late', endpoint('late'))
    else if (what === 8) endpoints.delete(oneOf('dns', 'late'))
    else if (what === 9) projections.other = projections.services = projections.more = oneOf([], ['x'])
    else if (what === 10) projections.services = projections.more = oneOf([], ['x'])
    else if (chance(2)) hears = oneOf('services', 'other')
    else version = oneOf('v1', 'v2')
    await commit()
  }

  async function change(): Promise<void> {
    const picked = new Set(Array.from({ length: 1 + next(2) }, () => oneOf('a', ...uids)))
    for (const uid of picked) {
      const before = truth.get(uid)
      const all = ['services', 'more', 'other']
      const moves = before !== undefined && chance(8)
      if (before !== undefined && chance(15)) truth.delete(uid)
      else
        truth.set(uid, {
          uid,
          namespace: uid === 'c' ? 'db' : 'web',
          watches: moves ? all.filter(() => !chance(3)) : (before?.watches ?? all),
          value: moves && chance(2) ? before.value : changed(before?.value ?? firstObject(uid), next),
        })
    }
    await agent.saw([...picked])
  }

  /** `copied`: what it is stopped with is kept. `restored`: it goes on with what was kept last. */
  async function restart(how: 'plain' | 'copied' | 'restored'): Promise<void> {
    const restored = how === 'restored'
    await hub.end(oneOf('stopped', 'killed'))
    if (restored) await copyFile(copy, file)
    else if (how === 'copied') await copyFile(file, copy)
    hub = await open()
    await hub.store.activate(activationOf(snapshot))
    hub.delivery.follow(snapshot)
    await agent.reconnect(hub.store, restored)
  }

  async function disturb(): Promise<void> {
    const what = next(12)
    const upTo = sequences.at(-1 - tailRows)
    if (what < 5) await recommit()
    else if (what < 7) await restart(oneOf('plain', 'copied', 'restored'))
    else if (what === 7) await hub.delivery.resync('dns', { dropBacklog: chance(2) })
    else if (what === 8) while (await hub.link.call('prune', { retentionMs: -1_000 }));
    else if (upTo !== undefined) await hub.link.call('compact', { from: 0, upTo, merging: {} })
  }

  /** Changes, with couriers going on in between for a while or not at all. */
  async function changes(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      await change()
      await turns(next(12))
    }
  }

  /** The hub goes on with a copy from when much waited, while its endpoints have gone on meanwhile. */
  async function yesterday(): Promise<void> {
    down = true
    await changes(2 + next(4))
    await restart('copied')
    down = false
    await changes(1 + next(4))
    await turns(60)
    await restart('restored')
    await changes(next(3))
    await turns(40)
  }

  /** A fence that comes and goes again before all that waits was looked at. */
  async function flapping(): Promise<void> {
    const before = endpoints.get('dns')
    if (before === undefined) return
    down = true
    await changes(3 + next(4))
    for (const allow of [{ namespaces: ['none'] }, before.allow]) {
      endpoints.set('dns', { ...before, allow })
      await commit()
      await turns(next(10))
    }
    down = false
    await turns(40)
  }

  /** A while in which all goes well, and one in which things happen, to endpoints that answer or do not. */
  async function episode(): Promise<void> {
    await changes(2 + next(6))
    if (chance(4)) return oneOf(yesterday, flapping)()
    down = chance(2)
    for (let n = next(4); n > 0; n--) {
      await disturb()
      await turns(next(4))
      await changes(next(4))
    }
    if (chance(3)) await recommit()
    down = false
    await changes(1 + next(2))
    await turns(40)
  }

  async function quiet(): Promise<boolean> {
    const { endpoints: waiting } = await hub.store.stats()
    const states = await Promise.all(waiting.map(({ endpoint: name }) => hub.store.endpoint(name)))
    return waiting.every(({ events }) => events === 0) && states.every(({ scans }) => scans.length === 0)
  }

  await agent.reconnect(hub.store, false)
  await commit()
  await hub.end('stopped')
  await copyFile(file, copy)
  hub = await open()
  await agent.reconnect(hub.store, false)
  for (let episodes = 0; episodes < 12 && faults.length === 0; episodes++) await episode()
  time.passes = () => true // what an idle courier passed over is written down before long
  await commit()
  for (const [name, config] of endpoints) endpoints.set(name, { ...config, attach: { end: true } })
  await commit()
  const deadline = performance.now() + 20_000
  while (faults.length === 0 && !(await quiet())) {
    if (performance.now() > deadline) throw new Error(JSON.stringify(await hub.delivery.status()))
    await turns(1)
  }
  assert.deepEqual(faults, [])
  return [...books.values()]
}

/** Another one by hand: `SEED=1234 node --test …`, `SEEDS=1000 node --test …`. */
const { SEED, SEEDS = '25' } = process.env
const seeds = SEED === undefined ? Array.from({ length: Number(SEEDS) }, (_, i) => i + 1) : [Number(SEED)]

test('whatever happens, what a receiver makes of patches is the object', { timeout: 600_000 }, async () => {
  let patches = 0
  let objects = 0
  for (const seed of seeds) {
    const books = await runHistory(seed).catch((cause: unknown) => {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    })
    for (const book of books) {
      patches += book.patches
      objects += book.objects
    }
  }
  if (SEED === undefined) assert.ok(patches > objects / 10, `expected many patches, got ${patches} beside ${objects} objects`)
})
