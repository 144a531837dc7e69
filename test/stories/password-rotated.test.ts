/** A password that the receiver changes before the hub knows it: everything is refused with 401, nothing is given up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setDeliveryStage } from '../support/delivery-stage.ts'
import { configMap } from '../support/objects.ts'

const events = 20_000

test('20,000 events that meet 401 are all delivered once the password is right, and none of them is a dead letter', {
  timeout: 180_000,
}, async (t) => {
  await using on = await setDeliveryStage({
    endpoint: {
      auth: { basic: { username: { secret: 'out/username' }, password: { secret: 'out/password' } } },
      batch: { maxObjects: 100, maxWait: '100ms' },
      concurrency: 4,
      retry: { maxAge: '1s' }, // it is about parked objects: what waits for the endpoint is never given up
    },
    secrets: { 'out/username': 'hub', 'out/password': 'spring' },
  })
  const { world, simulator, receiver } = on
  const authorization = (password: string) => `Basic ${Buffer.from(`hub:${password}`).toString('base64')}`
  let valid = authorization('spring')
  receiver.answerWith(({ headers }) => (headers.authorization === valid ? {} : { status: 401, body: 'wrong password' }))
  simulator.create('configmaps', configMap('before', { rev: '0' }))
  await receiver.waitFor(({ names }) => names.includes('default/before'), 'what was there before')

  valid = authorization('summer')
  const before = receiver.requests.length
  for (let i = 0; i < events; i++) simulator.create('configmaps', configMap(`object-${i}`, { rev: String(i) }))
  await world.status(({ endpoints }) => endpoints.every(({ backlog }) => backlog === events), 'everything to wait', 60_000)
  const [waiting] = (
    await world.status(({ endpoints }) => endpoints.some(({ breaker }) => breaker.state === 'open'), 'a breaker')
  ).endpoints
  const refused = receiver.requests.length - before
  assert.match(waiting?.breaker.reason ?? '', /401/)
  assert.equal(waiting?.deadLetters.count, 0)
  assert.equal(waiting?.parked.objects, 0)
  assert.ok(refused > 0 && refused < 50, `expected that little is spent while the breaker is open, got ${refused} requests`)

  const began = performance.now()
  await on.setSecret('out/password', 'summer')
  await receiver.waitFor(({ table }) => table.size === events + 1, 'everything', 60_000)
  t.diagnostic(
    `${events} events in ${Math.round(performance.now() - began)} ms after the password was right; ${refused} requests met 401`,
  )
  const [after] = (await world.status(({ endpoints }) => endpoints.every(({ backlog }) => backlog === 0), 'nothing to wait'))
    .endpoints
  assert.equal(after?.deadLetters.count, 0)
  assert.equal(after?.breaker.state, 'closed')
  assert.equal(receiver.ignored.length, 0)
})
