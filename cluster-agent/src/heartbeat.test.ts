import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bell } from '@watch-hub/shared/runtime/bell'
import { heartbeat } from './heartbeat.ts'

/** Sleeps that end when the test says so; `said` counts what was said. */
function setUp() {
  const news = bell()
  const sleeps: { readonly ms: number; readonly end: () => void }[] = []
  const changed = bell()
  let said = 0
  const stop = new AbortController()
  const ended = heartbeat(
    {
      news,
      say: async () => {
        said++
        changed.ring()
      },
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
          sleeps.push({ ms, end: resolve })
          changed.ring()
        }),
    },
    stop.signal,
  )
  ended.catch(() => {})
  const until = async (holds: () => boolean) => {
    while (!holds()) await changed.wait()
  }
  return { news, sleeps, stop, ended, until, said: () => said }
}

test('without news the agent says every ten seconds how it is', async () => {
  const world = setUp()
  for (const said of [1, 2, 3]) {
    await world.until(() => world.sleeps.length === 2 * said - 1)
    world.sleeps.at(-1)?.end()
    await world.until(() => world.sleeps.length === 2 * said)
    assert.equal(world.said(), said)
    assert.deepEqual(
      world.sleeps.slice(-2).map(({ ms }) => ms),
      [200, 10_000],
    )
    world.sleeps.at(-1)?.end()
  }
  world.stop.abort(new Error('over'))
  await assert.rejects(world.ended, /over/)
})

test('news are said after a pause and not in their time; those that came during it are one message', async () => {
  const world = setUp()
  await world.until(() => world.sleeps.length === 1)
  world.news.ring()
  world.news.ring()
  world.sleeps[0]?.end()
  await world.until(() => world.said() === 2)
  world.stop.abort(new Error('over'))
  await assert.rejects(world.ended, /over/)
})

test('a ring that loses against the time is not lost', async () => {
  const world = setUp()
  await world.until(() => world.sleeps.length === 1)
  world.sleeps[0]?.end()
  await world.until(() => world.sleeps.length === 2)
  world.sleeps[1]?.end()
  await world.until(() => world.said() === 2)
  world.news.ring()
  await world.until(() => world.sleeps.length === 3)
  world.sleeps[2]?.end()
  await world.until(() => world.said() === 3)
  world.stop.abort(new Error('over'))
  await assert.rejects(world.ended, /over/)
})
