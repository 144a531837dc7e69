import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../engine/database.ts'
import { createEngine, type Engine } from '../engine/engine.ts'
import { activation, cluster, seen, services, watch } from '../testing/world.ts'
import { commitTimes } from './commit-times.ts'
import { groupCommit, type Reply, type Step } from './group.ts'

/** An engine in memory, and what runs groups of steps on it. */
function engineInMemory() {
  const db = openDatabase(':memory:')
  const times = commitTimes()
  const engine = createEngine(db, { now: Date.now, commits: times.summary })
  const run = groupCommit({ db, engine, times })
  const group = (...runs: readonly Step['run'][]): readonly Reply[] => {
    const queue = runs.map((run, id) => ({ id, run }))
    const next = () => queue.shift()
    const first = next()
    return first === undefined ? [] : run(first, next)
  }
  return { db, group, times, engine }
}

const frame = (number: number, objects: number) => ({
  plan: 'p1',
  process: 1,
  number,
  streams: [services()],
  sealedAt: 1,
  entries: Array.from({ length: objects }, (_, i) => seen(`o${i}`, { body: JSON.stringify({ text: 'x'.repeat(2_000) }) })),
})

function join({ ops }: Engine): void {
  ops.saveToken({ hash: 't', cluster, expiresAt: 10, replace: false })
  ops.join({ cluster, tokenHash: 't', publicKey: 'k', clusterUid: 'u', now: 1 })
  ops.openProcess({ cluster, process: 0 })
  ops.activate(activation({ lb: watch() }))
}

const outcomes = (replies: readonly Reply[]) => replies.map((reply) => (reply.ok ? 'done' : reply.error.message))

test('a group that the disk has no room for fails, and can be done again when it has', () => {
  const { db, group, engine } = engineInMemory()
  join(engine)
  db.exec('PRAGMA max_page_count = 60')
  const append = () => group((ops) => ops.append({ cluster, frame: frame(1, 1_000) }))
  assert.deepEqual(outcomes(append()), ['database or disk is full'])
  assert.equal(db.inTransaction, false)
  db.exec('PRAGMA max_page_count = 100000')
  assert.deepEqual(outcomes(append()), ['done'])
  assert.equal(engine.ops.stats(undefined).logRows, 1_000)
})

test('a step that fails takes back what it did, and nothing else', () => {
  const { group, engine } = engineInMemory()
  join(engine)
  const replies = group(
    (ops) => ops.setPaused({ endpoint: 'a', pause: { since: 1, by: 'ops' } }),
    (ops) => {
      ops.setPaused({ endpoint: 'b', pause: { since: 1, by: 'ops' } })
      throw new Error('a bug', { cause: new Error('its cause') })
    },
    (ops) => ops.setPaused({ endpoint: 'c', pause: { since: 1, by: 'ops' } }),
  )
  assert.deepEqual(outcomes(replies), ['done', 'a bug', 'done'])
  assert.deepEqual(
    replies.map((reply) => (reply.ok ? undefined : reply.error.cause?.message)),
    [undefined, 'its cause', undefined],
  )
  assert.deepEqual([...engine.ops.paused(undefined).keys()], ['a', 'c'])
})

test('only groups that write count as commits', () => {
  const { group, times, engine } = engineInMemory()
  join(engine)
  group((ops) => ops.agents(undefined))
  assert.equal(times.summary().commitMs.last, 0)
  group((ops) => ops.setPaused({ endpoint: 'a', pause: { since: 1, by: 'ops' } }))
  assert.ok(times.summary().commitMs.last > 0)
})

test('a group ends by itself when it takes long: what waits comes into the next one', () => {
  const { group, engine } = engineInMemory()
  join(engine)
  const slow: Step['run'] = (ops) => {
    const until = performance.now() + 30
    while (performance.now() < until);
    return ops.agents(undefined)
  }
  assert.equal(group(slow, slow).length, 1)
})
