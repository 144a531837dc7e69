import assert from 'node:assert/strict'
import { test } from 'node:test'
import { problem } from '@watch-hub/shared/protocol/join'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { createApp } from './server.ts'
import { fakeTrace, fakeView } from './testing/fake-view.ts'
import { trace } from './wire-trace.ts'

function setUp() {
  const view = fakeView()
  const streams = { stop: new AbortController().signal, track: (run: Promise<void>) => run }
  const app = createApp({ admin: { view, adminToken: 'token', metrics: async () => '' }, log: silentLog }, streams)
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await app.request(`/api/v1/trace${path}`, { headers: { authorization: 'Bearer token' }, ...init })
    return { status: response.status, body: await response.json() }
  }
  return { view, ask }
}

test('a trace is asked for by an id, or by an object with how many of its events; its answer is what clients decode', async () => {
  const { view, ask } = setUp()
  view.traced = { kind: 'found', trace: fakeTrace }
  assert.deepEqual(trace.decode((await ask('/scan%2D1-00001795450401978123?endpoint=dns')).body), fakeTrace)
  await ask('?cluster=prod&resource=svc&namespace=web&name=shop&limit=3')
  await ask('?cluster=prod&resource=nodes&name=n1&endpoint=dns')
  assert.deepEqual(view.calls, [
    ['trace', 'scan-1-00001795450401978123', 'dns'],
    ['traceObject', { cluster: 'prod', resource: 'svc', namespace: 'web', name: 'shop', limit: 3 }, undefined],
    ['traceObject', { cluster: 'prod', resource: 'nodes', name: 'n1', limit: 1 }, 'dns'],
  ])
})

test('a client that goes away ends what it asked for', async () => {
  const { view, ask } = setUp()
  for (const path of ['/7', '?cluster=c&resource=r&name=n']) {
    const client = new AbortController()
    await ask(path, { signal: client.signal })
    assert.equal(view.signal?.aborted, false)
    client.abort()
    assert.equal(view.signal?.aborted, true, path)
  }
})

test('what nobody knows is 404, what can be several kinds 409, and what is asked wrongly 400', async () => {
  const { view, ask } = setUp()
  const answers = async (...paths: readonly string[]) => {
    const all = await Promise.all(paths.map((path) => ask(path)))
    return all.map(({ status, body }) => `${status} ${problem.decode(body).message}`)
  }
  assert.deepEqual(await answers('/7'), ['404 expected an event that is known'])
  view.traced = { kind: 'ambiguous', typed: 'event', candidates: ['events', 'events.events.k8s.io'] }
  assert.deepEqual(await answers('?cluster=c&resource=event&name=n'), [
    '409 expected the name of one kind, got "event", which can be events or events.events.k8s.io',
  ])
  assert.deepEqual(
    await answers('?cluster=c', '?cluster=c&resource=r&name=n&limit=51', '/7?endpiont=x', `/${'7'.repeat(400)}`, '?'),
    [
      '400 expected the parameters cluster, resource, name, got cluster',
      '400 limit: expected a whole number, 1–50, got "51"',
      '400 expected only the parameters endpoint, got "endpiont"',
      '400 id: expected 1–320 characters, got 400',
      '400 expected the parameters cluster, resource, name, got none',
    ],
  )
})
