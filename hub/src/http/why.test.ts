import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problem } from '@watch-hub/shared/protocol/join'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { createApp } from './server.ts'
import { fakeView, fakeWhy } from './testing/fake-view.ts'
import { why } from './wire-why.ts'

const never = new AbortController()

function setUp() {
  const view = fakeView()
  const admin = { view, adminToken: 'key', metrics: async () => '' }
  const app = createApp({ admin, log: silentLog }, { stop: never.signal, track: (run) => run })
  const ask = async (query: string, headers: Record<string, string> = { authorization: 'Bearer key' }) => {
    const response = await app.request(`/api/v1/why${query}`, { headers })
    return { status: response.status, body: await response.json() }
  }
  return { view, ask }
}

test('an object is explained as it is asked for, and the answer is what clients read', async () => {
  const { view, ask } = setUp()
  const { status, body } = await ask('?cluster=c&resource=svc&name=shop&namespace=web&endpoint=dns')
  assert.equal(status, 200)
  assert.deepEqual(why.decode(body), fakeWhy)
  await ask('?cluster=c&resource=node&name=n')
  assert.deepEqual(view.calls, [
    ['why', { cluster: 'c', resource: 'svc', name: 'shop', namespace: 'web', endpoint: 'dns' }],
    ['why', { cluster: 'c', resource: 'node', name: 'n' }],
  ])
})

test('nobody is told without the token', async () => {
  assert.equal((await setUp().ask('?cluster=c&resource=svc&name=shop', {})).status, 401)
})

test('what is missing, empty, too long or unknown is said', async () => {
  const { view, ask } = setUp()
  const message = async (query: string) => problem.decode((await ask(query)).body).message
  assert.match(await message('?cluster=c'), /expected the parameters cluster, resource, name, got cluster/)
  assert.match(await message('?cluster=&resource=r&name=n'), /cluster: expected 1–320 characters, got 0/)
  assert.match(await message(`?cluster=c&resource=r&name=${'n'.repeat(400)}`), /name: expected 1–320 characters, got 400/)
  assert.match(await message('?cluster=c&resource=r&name=n&kind=x'), /expected only the parameters .*got "kind"/)
  assert.deepEqual(view.calls, [])
})

test('names that nobody knows are 404 with what was meant, and a name of several kinds is 409', async () => {
  const { view, ask } = setUp()
  view.whyAnswer = { kind: 'unknown', what: 'endpoint', name: 'dnss', hint: " (did you mean 'dns'?)" }
  assert.deepEqual(await ask('?cluster=c&resource=svc&name=shop'), {
    status: 404,
    body: { code: 'unknown', message: `expected the name of a declared Endpoint, got "dnss" (did you mean 'dns'?)` },
  })
  view.whyAnswer = { kind: 'ambiguous', typed: 'event', candidates: ['events', 'events.events.k8s.io'] }
  assert.deepEqual(await ask('?cluster=c&resource=event&name=x'), {
    status: 409,
    body: {
      code: 'ambiguous',
      message: 'expected the name of one kind, got "event", which can be events or events.events.k8s.io',
    },
  })
})
