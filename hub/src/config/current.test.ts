import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { type ConfigDeps, startConfig } from './current.ts'
import { gitSource } from './git-source.ts'
import { formatProblem, type Snapshot } from './model.ts'
import type { ConfigSource, Reading } from './source.ts'
import { createRepo, temporaryFolder } from './testing/git-repo.ts'
import { cluster, endpoint, files, watch } from './testing/manifests.ts'

const good = { 'a.yaml': cluster('a'), 'dns.yaml': endpoint('dns'), 'w.yaml': watch('w') }
const reading = (commit: string, texts: Readonly<Record<string, string>> = good): Reading => ({
  kind: 'read',
  commit,
  files: files(texts),
  problems: [],
})
const failed = (reason: string): Reading => ({ kind: 'failed', reason })

/** A source that gives what it is told to, the last one again and again. Polls only when asked. */
function script(...readings: readonly Reading[]) {
  const queue = [...readings]
  let reads = 0
  const state = {
    next: (...more: readonly Reading[]) => queue.push(...more),
    get reads() {
      return reads
    },
    source: {
      about: { source: 'test' },
      read: async () => {
        reads++
        return queue.shift() ?? { kind: 'unchanged' }
      },
    } satisfies ConfigSource,
  }
  return state
}

async function world() {
  const root = await temporaryFolder()
  return {
    root: root.path,
    lastGoodFile: join(root.path, 'config', 'last-good.json'),
    start(source: ConfigSource, more: Partial<ConfigDeps> = {}) {
      const snapshots: Snapshot[] = []
      const deps = {
        source,
        log: silentLog,
        now: () => 1_000,
        onSnapshot: (snapshot: Snapshot) => void snapshots.push(snapshot),
        ...more,
      }
      const settings = { lastGoodFile: this.lastGoodFile, retry: { minMs: 1e8, maxMs: 1e8 } }
      const config = startConfig(deps, settings)
      return {
        config,
        snapshots,
        commits: () => snapshots.map(({ commit }) => commit),
        [Symbol.asyncDispose]: () => config[Symbol.asyncDispose](),
      }
    },
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  }
}

test('a good reading is live, told and shown', async () => {
  await using w = await world()
  await using c = w.start(script(reading('c1')).source)
  const status = await c.config.fetchNow()
  assert.deepEqual(c.commits(), ['c1'])
  const [snapshot] = c.snapshots
  assert.equal(c.config.snapshot(), snapshot)
  assert.deepEqual(status, { source: 'test', live: { commit: 'c1', hash: snapshot?.hash, since: 1_000 }, lastFetchAt: 1_000 })
})

test('a bad one leaves the last good one live and is shown with its reasons; a revert heals', async () => {
  await using w = await world()
  const s = script(reading('c1'))
  await using c = w.start(s.source)
  await c.config.fetchNow()
  s.next(reading('c2', { ...good, 'w.yaml': watch('w', 'initial: maybe') }))
  const bad = await c.config.fetchNow()
  assert.equal(bad.live?.commit, 'c1')
  assert.deepEqual(
    [bad.rejected?.commit, bad.rejected?.at, bad.rejected?.problems.map(formatProblem)],
    ['c2', 1_000, ["w.yaml:7:12 spec.initial: expected send | skip, got 'maybe'"]],
  )
  s.next(reading('c3'))
  const healed = await c.config.fetchNow()
  assert.deepEqual([healed.rejected, healed.live?.commit], [undefined, 'c3'])
  assert.deepEqual(c.commits(), ['c1', 'c3'])
  assert.equal(c.snapshots[0]?.hash, c.snapshots[1]?.hash)
})

test('a force-push back to the live commit heals and tells nobody', async () => {
  await using w = await world()
  const s = script(reading('c1'))
  await using c = w.start(s.source)
  await c.config.fetchNow()
  s.next(reading('c2', {}), reading('c1'))
  assert.equal(
    (await c.config.fetchNow()).rejected?.problems[0]?.message,
    'expected at least one manifest in a .yaml or .yml file, got none',
  )
  assert.equal((await c.config.fetchNow()).rejected, undefined)
  assert.deepEqual(c.commits(), ['c1'])
})

test('what the source refuses to read refuses the commit', async () => {
  await using w = await world()
  const problem = { file: 'x.yaml', line: 1, column: 1, path: '', message: 'expected a link that stays' }
  await using c = w.start(script({ kind: 'read', commit: 'c1', files: files(good), problems: [problem] }).source)
  assert.deepEqual((await c.config.fetchNow()).rejected?.problems, [problem])
  assert.equal(c.config.snapshot(), undefined)
})

test('a source that cannot be read is shown with reason and next try, until it can', async () => {
  await using w = await world()
  const s = script(reading('c1'), failed('gone'), failed('still gone'), reading('c2'))
  let time = 1_000
  await using c = w.start(s.source, { now: () => time })
  await c.config.fetchNow()
  time = 2_000
  const gone = await c.config.fetchNow()
  const nextTryAt = gone.failing?.nextTryAt ?? 0
  assert.deepEqual(gone.failing, { since: 2_000, reason: 'gone', nextTryAt })
  assert.ok(nextTryAt > 2_000)
  time = 3_000
  const still = await c.config.fetchNow()
  assert.deepEqual(
    [still.live?.commit, still.failing?.since, still.failing?.reason, still.lastFetchAt],
    ['c1', 2_000, 'still gone', 1_000],
  )
  const back = await c.config.fetchNow()
  assert.deepEqual([back.failing, back.live?.commit, back.lastFetchAt], [undefined, 'c2', 3_000])
  assert.equal(s.reads, 4)
})

test('a restart begins with the last good config, before the source answers', async () => {
  await using w = await world()
  {
    await using c = w.start(script(reading('c1'), reading('c2', {})).source)
    await c.config.fetchNow()
    await c.config.fetchNow()
  }
  const live = Promise.withResolvers<Snapshot>()
  const source: ConfigSource = {
    about: { source: 'test' },
    read: (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  }
  await using c = w.start(source, { onSnapshot: live.resolve })
  assert.equal((await live.promise).commit, 'c1')
  assert.equal(c.config.status().live?.commit, 'c1')
})

test('a restart that finds the same commit tells it once', async () => {
  await using w = await world()
  for (const _time of ['first', 'second']) {
    await using c = w.start(script(reading('c1')).source)
    await c.config.fetchNow()
    assert.deepEqual(c.commits(), ['c1'])
  }
})

test('a broken file on disk is no obstacle', async () => {
  await using w = await world()
  await using _c = w.start(script(reading('c1')).source)
  await _c.config.fetchNow()
  await _c[Symbol.asyncDispose]()
  await writeFile(w.lastGoodFile, '{')
  await using c = w.start(script(reading('c2')).source)
  await c.config.fetchNow()
  assert.deepEqual(c.commits(), ['c2'])
})

test('a disk that cannot be written keeps nothing from going live', async () => {
  await using w = await world()
  await writeFile(join(w.root, 'config'), 'a file where the folder should be')
  await using c = w.start(script(reading('c1')).source)
  assert.equal((await c.config.fetchNow()).live?.commit, 'c1')
})

test('Snapshots are told one after the other', async () => {
  await using w = await world()
  const s = script(reading('c1'), reading('c2'))
  const first = Promise.withResolvers<void>()
  const events: string[] = []
  await using c = w.start(s.source, {
    onSnapshot: async ({ commit }) => {
      events.push(`${commit} begins`)
      if (commit === 'c1') await first.promise
      events.push(`${commit} ends`)
    },
  })
  const both = Promise.all([c.config.fetchNow(), c.config.fetchNow()])
  first.resolve()
  await both
  await c.config.fetchNow()
  assert.deepEqual(events, ['c1 begins', 'c1 ends', 'c2 begins', 'c2 ends'])
})

test('when a Snapshot cannot be applied, done rejects and nobody waits any more', async () => {
  await using w = await world()
  const { config } = w.start(script(reading('c1')).source, { onSnapshot: () => Promise.reject(new Error('store is full')) })
  await config.fetchNow()
  await assert.rejects(config.done, /store is full/)
  await config.fetchNow()
})

test('disposing ends a reading and everyone who waits', async () => {
  await using w = await world()
  const reading = Promise.withResolvers<void>()
  const source: ConfigSource = {
    about: { source: 'test' },
    read: (signal) => {
      reading.resolve()
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
  }
  const { config } = w.start(source)
  await reading.promise
  const asked = config.fetchNow()
  await config[Symbol.asyncDispose]()
  assert.deepEqual(await asked, { source: 'test' })
  await config.done
})

test('the source can wake the loop, and is let go at the end', async () => {
  await using w = await world()
  const s = script()
  const events: string[] = []
  const told = Promise.withResolvers<void>()
  let ring = () => {}
  const source: ConfigSource = {
    ...s.source,
    follow: (changed) => {
      ring = changed
      return { [Symbol.asyncDispose]: async () => void events.push('let go') }
    },
  }
  const c = w.start(source, { onSnapshot: () => told.resolve() })
  await c.config.fetchNow()
  s.next(reading('c1'))
  ring()
  await told.promise
  await c.config[Symbol.asyncDispose]()
  assert.deepEqual(events, ['let go'])
})

test('the poll interval brings new commits by itself', async () => {
  await using w = await world()
  const s = script(reading('c1'), reading('c2'))
  const second = Promise.withResolvers<void>()
  await using _c = w.start({ ...s.source, pollMs: 1 }, { onSnapshot: ({ commit }) => void (commit === 'c2' && second.resolve()) })
  await second.promise
})

test('with a real repo: live, broken, reverted, gone, restarted without it', async () => {
  await using w = await world()
  const repo = await createRepo(join(w.root, 'repo'))
  const source = () =>
    gitSource({ url: repo.folder, branch: 'main', mirror: join(w.root, 'config', 'mirror.git'), env: process.env, pollMs: 1e8 })
  const one = await repo.commit(good)
  {
    await using c = w.start(source())
    assert.equal((await c.config.fetchNow()).live?.commit, one)
    const two = await repo.commit({ 'w.yaml': watch('w', 'evnts: []') })
    const broken = await c.config.fetchNow()
    assert.deepEqual([broken.live?.commit, broken.rejected?.commit, broken.branch], [one, two, 'main'])
    const three = await repo.commit(good)
    const healed = await c.config.fetchNow()
    assert.deepEqual([healed.live?.commit, healed.rejected], [three, undefined])
    assert.deepEqual(c.commits(), [one, three])
    await repo.git('branch', '--move', 'main', 'other')
    const gone = await c.config.fetchNow()
    assert.equal(gone.live?.commit, three)
    assert.match(gone.failing?.reason ?? '', /expected the branch 'main' at .*, got none/)
    await repo.git('branch', '--move', 'other', 'main')
  }
  await repo.git('branch', '--move', 'main', 'other')
  await using c = w.start(source())
  const status = await c.config.fetchNow()
  assert.equal(status.live?.commit, await repo.git('rev-parse', 'HEAD'))
  assert.notEqual(status.failing, undefined)
})
