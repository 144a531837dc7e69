import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problem } from '@watch-hub/shared/protocol/join'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { createApp } from './server.ts'
import { fakeLetter, fakeView } from './testing/fake-view.ts'

const never = new AbortController()

function setUp() {
  const view = fakeView()
  const admin = { view, adminToken: 'key', metrics: async () => '' }
  const app = createApp({ admin, log: silentLog }, { stop: never.signal, track: (run) => run })
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await app.request(`/api/v1/dead-letters${path}`, { headers: { authorization: 'Bearer key' }, ...init })
    return { status: response.status, body: await response.json() }
  }
  return { view, ask, post: (path: string, order: unknown) => ask(path, { method: 'POST', body: JSON.stringify(order) }) }
}

test('dead letters are listed as asked for, page by page', async () => {
  const { view, ask } = setUp()
  assert.deepEqual((await ask('')).body, { letters: [fakeLetter] })
  await ask(
    '?endpoint=dns&resource=deployments.apps&namespace=web&name=shop&cluster=c&cause=timeout&olderThanMs=5&limit=2&after=x',
  )
  assert.deepEqual(view.calls, [
    ['deadLetters', { limit: 100 }],
    [
      'deadLetters',
      {
        ...{ endpoint: 'dns', resource: 'deployments.apps', namespace: 'web', name: 'shop', cluster: 'c', cause: 'timeout' },
        ...{ olderThanMs: 5, limit: 2, after: 'x' },
      },
    ],
  ])
})

test('one is told whole, and one that is not there is 404', async () => {
  const { ask } = setUp()
  const whole = { ...fakeLetter, answer: 'no such zone', body: { metadata: { name: 'shop' } } }
  assert.deepEqual((await ask('/letter-1')).body, whole)
  assert.equal((await ask('/letter-2')).status, 404)
})

test('replay and drop want to be told which are meant', async () => {
  const { view, post } = setUp()
  const refused = [
    {},
    { all: false },
    { all: true, endpoint: 'dns' },
    { ids: [] },
    { ids: Array(501).fill('x') },
    { olderThanMs: -1 },
  ]
  for (const path of ['/replay', '/drop'])
    for (const order of refused) {
      const { status, body } = await post(path, order)
      assert.equal(status, 400, `${path} ${JSON.stringify(order)}`)
      assert.match(problem.decode(body).message, /expected/)
    }
  assert.deepEqual(view.calls, [])
  assert.deepEqual((await post('/drop', { all: true })).body, { dropped: 1 })
  assert.deepEqual((await post('/replay', { endpoint: 'dns', olderThanMs: 0, after: 'p2' })).body, { letters: [] })
  assert.deepEqual(view.calls, [
    ['dropDeadLetters', {}],
    ['replay', { endpoint: 'dns', olderThanMs: 0 }, 'p2'],
  ])
})

test('a misspelt filter is refused, so that it does not mean all', async () => {
  const { view, ask } = setUp()
  assert.match(problem.decode((await ask('?endpiont=dns')).body).message, /got "endpiont"/)
  assert.equal((await ask('?limit=0')).status, 400)
  assert.deepEqual(view.calls, [])
})
