import assert from 'node:assert/strict'
import test from 'node:test'
import { batchOf, failure, refusal, rowOf, startStage } from './testing/stage.ts'

const rows = ['a', 'b', 'c', 'd'].map((name, i) => rowOf(i + 1, name))
const whole = () => startStage({ batches: [batchOf('1', ...rows)], rows })
const alone = (parts = {}) => startStage({ batches: [batchOf('1', ...rows.slice(0, 1))], rows, endpoint: parts })

test('a refused batch is halved until one event is alone, and that one is parked', async () => {
  const stage = await whole()
  await stage.attempt(stage.first(), refusal(400))
  assert.deepEqual(await stage.lanes(), [
    ['object 1', 'object 2'],
    ['object 3', 'object 4'],
  ])
  await stage.attempt(stage.first(), refusal(422))
  await stage.attempt(stage.first(), refusal(400))
  assert.deepEqual(stage.parked(), [[1]])
  assert.deepEqual(await stage.lanes(), [['object 2'], ['object 3', 'object 4']])
})

test('what is too large is halved, and how large it was is said', async () => {
  const stage = await whole()
  await stage.attempt(stage.first(), refusal(413))
  assert.deepEqual(stage.oversizes, [4 * '{"n":1}'.length])
})

test('no password that is wrong blames an event, however often', async () => {
  const stage = await alone()
  for (let n = 0; n < 20; n++) {
    stage.otherAccepted()
    await stage.attempt(stage.first(), failure(401), true)
  }
  assert.deepEqual([stage.parked(), stage.letters], [[], []])
  assert.equal(stage.breaker.view(stage.now()).state, 'open')
})

test('an event that fails three times while others are accepted is parked; without others it waits', async () => {
  const stage = await alone()
  for (let n = 0; n < 5; n++) await stage.attempt(stage.first(), failure(500))
  assert.deepEqual(stage.parked(), [])
  stage.otherAccepted()
  await stage.attempt(stage.first(), failure(500))
  assert.deepEqual(stage.parked(), [[1]])
})

test('a parked event is given up when it was tried long enough, and not before', async () => {
  const stage = await alone({ retry: { maxAgeMs: 60_000 } })
  await stage.attempt(stage.first(), refusal(400))
  await stage.attemptParked(refusal(400))
  assert.equal(stage.letters.length, 0)
  stage.pass(60_000)
  await stage.attemptParked(failure(503))
  assert.equal(stage.letters.length, 0)
  await stage.attemptParked(refusal(400))
  assert.deepEqual([stage.parked(), stage.letters.map(({ sequence, attempts }) => [sequence, attempts])], [[], [[1, 3]]])
})

test('what a probe meets is no evidence against a parked event', async () => {
  const stage = await alone({ retry: { maxAgeMs: 0 } })
  await stage.attempt(stage.first(), refusal(400))
  await stage.attemptParked(failure(500), true)
  assert.deepEqual([stage.parked(), stage.letters.length], [[[1]], 0])
  await stage.attemptParked(failure(500))
  assert.equal(stage.letters.length, 1)
})

test('a parked event is not tried for longer than it is to be', async () => {
  const stage = await alone({ retry: { maxAgeMs: 7_000 } })
  await stage.attempt(stage.first(), refusal(400))
  stage.pass(6_999)
  await stage.attemptParked(refusal(400))
  const [first] = stage.queue.parking.all()[0]?.batches ?? []
  assert.deepEqual([stage.letters.length, (first?.parking.nextAttemptAt ?? 0) - stage.now()], [0, 1])
})

test('giving up counts from the first attempt that the event is to blame for, not from an outage of its endpoint', async () => {
  const stage = await alone({ retry: { maxAgeMs: 60_000 } })
  await stage.attempt(stage.first(), failure(401))
  stage.pass(4 * 24 * 3_600_000)
  await stage.attempt(stage.first(), refusal(400))
  await stage.attemptParked(refusal(400))
  assert.deepEqual([stage.parked(), stage.letters], [[[1]], []])
})

test('without room for the letter, a parked event is tried on', async () => {
  const stage = await alone({ retry: { maxAgeMs: 0 } })
  await stage.attempt(stage.first(), refusal(400))
  stage.answers.push('full')
  await stage.attemptParked(refusal(400))
  assert.deepEqual([stage.parked(), stage.letters], [[[1]], []])
})

test('a parked event waits as long as the endpoint asks', async () => {
  for (const status of [503, 500]) {
    const stage = await alone()
    await stage.attempt(stage.first(), refusal(400))
    await stage.attemptParked(failure(status, 120_000))
    assert.equal(stage.queue.parking.nextAt(stage.now()), stage.now() + 120_000)
    assert.equal(stage.breaker.admits(stage.now() + 119_999), 'none')
  }
})

test('an endpoint that is gone is held, and its batch stays', async () => {
  const stage = await alone()
  const outcome = refusal(410)
  if (outcome.kind !== 'refused') throw new Error('expected a refusal')
  await stage.attempt(stage.first(), { ...outcome, kind: 'gone' })
  assert.deepEqual([stage.goneFor, await stage.lanes()], [['answered 410'], [['object 1']]])
})
