import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problem } from '@watch-hub/shared/protocol/join'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { createApp } from './server.ts'
import { fakeAttempt, fakeSample, fakeView } from './testing/fake-view.ts'

const never = new AbortController()

function setUp() {
  const view = fakeView()
  const admin = { view, adminToken: 'key', metrics: async () => '' }
  const app = createApp({ admin, log: silentLog }, { stop: never.signal, track: (run) => run })
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await app.request(`/api/v1/endpoints${path}`, { headers: { authorization: 'Bearer key' }, ...init })
    return { status: response.status, body: await response.json() }
  }
  return { view, ask, post: (path: string, order: unknown = {}) => ask(path, { method: 'POST', body: JSON.stringify(order) }) }
}

test('a pause has who, why and how long, each within bounds', async () => {
  const { view, post } = setUp()
  await post('/dns/pause', { by: 'ann', reason: 'new certificates', forMs: 7_200_000 })
  await post('/dns/pause', { by: 'a'.repeat(1_000), reason: 'b'.repeat(1_000) })
  await post('/dns/pause')
  assert.deepEqual(view.calls, [
    ['pause', 'dns', { by: 'ann', reason: 'new certificates', forMs: 7_200_000 }],
    ['pause', 'dns', { by: 'a'.repeat(100), reason: 'b'.repeat(500) }],
    ['pause', 'dns', { by: 'the admin API' }],
  ])
  for (const forMs of [0, -1, 999, 366 * 86_400_000, 1.5])
    assert.equal((await post('/dns/pause', { forMs })).status, 400, `${forMs}`)
})

test('attempts are asked for by batch, outcome and number', async () => {
  const { view, ask } = setUp()
  assert.deepEqual((await ask('/dns/attempts')).body, [fakeAttempt])
  await ask('/dns/attempts?failed=true&batch=b-1&limit=1000')
  assert.deepEqual(view.calls, [
    ['attempts', 'dns', { failed: false, limit: 50 }],
    ['attempts', 'dns', { batch: 'b-1', failed: true, limit: 1_000 }],
  ])
  for (const query of ['limit=0', 'limit=1001', 'failed=yes', 'fialed=true'])
    assert.equal((await ask(`/dns/attempts?${query}`)).status, 400, query)
})

test('a sample is sent and its answer told', async () => {
  const { post } = setUp()
  assert.deepEqual(await post('/dns/test'), { status: 200, body: fakeSample })
})

test('an endpoint that is not there is 404, whatever is asked of it', async () => {
  const { ask, post } = setUp()
  const answers = [
    await ask('/x'),
    await ask('/x/attempts'),
    await post('/x/test'),
    await post('/x/pause'),
    await post('/x/resync'),
  ]
  for (const { status, body } of answers) {
    assert.equal(status, 404)
    assert.equal(problem.decode(body).message, 'expected the name of a known endpoint, got "x"')
  }
})
