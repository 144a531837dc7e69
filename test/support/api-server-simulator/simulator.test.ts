import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startApiServerSimulator } from './simulator.ts'
import { ask, at, watch } from './testing.ts'

const widgets = {
  group: 'example.com',
  version: 'v1',
  otherVersions: ['v1beta1'],
  kind: 'Widget',
  resource: 'widgets',
  namespaced: true,
}
const service = (name: string, namespace = 'team-a') => ({
  metadata: { name, namespace, labels: { app: name } },
  spec: { type: 'ClusterIP' },
})
const services = '/api/v1/services'
const names = (list: unknown): unknown[] => {
  const items = at(list, 'items')
  return Array.isArray(items) ? items.map((item) => at(item, 'metadata', 'name')) : []
}

test('a new server has the namespaces default and kube-system, whose uid is the uid of the cluster', async () => {
  await using sim = await startApiServerSimulator({ clusterUid: 'cluster-1' })
  const { body } = await ask(sim, '/api/v1/namespaces/kube-system')
  assert.equal(at(body, 'metadata', 'uid'), 'cluster-1')
  assert.deepEqual(names((await ask(sim, '/api/v1/namespaces')).body), ['default', 'kube-system'])
})

test('starting and stopping ten times leaves nothing that keeps the process', async () => {
  for (let i = 0; i < 10; i++) {
    await using sim = await startApiServerSimulator()
    await using open = await watch(sim, `${services}?watch=1`)
    void open
  }
})

test('stopping cuts open watches', async () => {
  const sim = await startApiServerSimulator()
  await using open = await watch(sim, `${services}?watch=1`)
  await sim[Symbol.asyncDispose]()
  assert.equal(await open.ended, 'cut')
})

test('creating in an unknown namespace creates it first', async () => {
  await using sim = await startApiServerSimulator()
  const created = sim.create('services', service('shop'))
  assert.equal(created.kind, 'Service')
  assert.equal(created.apiVersion, 'v1')
  assert.ok(sim.get('namespaces', 'team-a'))
  assert.deepEqual(sim.get('services', 'team-a/shop'), created)
  assert.equal(sim.count('services'), 1)
})

test('a list of a built-in kind has items without kind, in the order of namespace and name', async () => {
  await using sim = await startApiServerSimulator()
  for (const [name, namespace] of [
    ['b', 'b'],
    ['a', 'b'],
    ['c', 'a'],
  ])
    sim.create('services', service(name ?? '', namespace))
  const { body } = await ask(sim, services)
  assert.equal(at(body, 'kind'), 'ServiceList')
  assert.deepEqual(names(body), ['c', 'a', 'b'])
  assert.equal(at(body, 'items', 0, 'kind'), undefined)
  assert.equal(at(body, 'metadata', 'resourceVersion'), sim.resourceVersion)
  assert.deepEqual(names((await ask(sim, '/api/v1/namespaces/b/services')).body), ['a', 'b'])
})

test('lists take label selectors and the name as field selector', async () => {
  await using sim = await startApiServerSimulator()
  for (const name of ['a', 'b']) sim.create('services', service(name))
  assert.deepEqual(names((await ask(sim, `${services}?labelSelector=app%3Db`)).body), ['b'])
  assert.deepEqual(names((await ask(sim, `${services}?fieldSelector=metadata.name%3Da`)).body), ['a'])
  assert.equal((await ask(sim, `${services}?fieldSelector=spec.type%3Dx`)).status, 400)
})

test('pages come from one snapshot, whatever happens in between, and say how much remains', async () => {
  await using sim = await startApiServerSimulator()
  for (const name of ['a', 'b', 'c', 'd', 'e']) sim.create('services', service(name))
  const version = sim.resourceVersion
  const first = (await ask(sim, `${services}?limit=2`)).body
  assert.deepEqual(names(first), ['a', 'b'])
  assert.equal(at(first, 'metadata', 'remainingItemCount'), 3)
  sim.delete('services', 'team-a/c')
  sim.create('services', service('bb'))
  const second = (await ask(sim, `${services}?limit=2&continue=${String(at(first, 'metadata', 'continue'))}`)).body
  const third = (await ask(sim, `${services}?limit=2&continue=${String(at(second, 'metadata', 'continue'))}`)).body
  assert.deepEqual([...names(second), ...names(third)], ['c', 'd', 'e'])
  assert.equal(at(third, 'metadata', 'continue'), undefined)
  for (const page of [first, second, third]) assert.equal(at(page, 'metadata', 'resourceVersion'), version)
})

test('a continue token from before a compaction is expired', async () => {
  await using sim = await startApiServerSimulator()
  for (const name of ['a', 'b']) sim.create('services', service(name))
  const first = (await ask(sim, `${services}?limit=1`)).body
  sim.compact()
  const { status, body } = await ask(sim, `${services}?limit=1&continue=${String(at(first, 'metadata', 'continue'))}`)
  assert.equal(status, 410)
  assert.equal(at(body, 'reason'), 'Expired')
})

test('a watch tells what happens after its version, in order, with whole objects', async () => {
  await using sim = await startApiServerSimulator()
  sim.create('services', service('before'))
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.create('services', service('a'))
  sim.patch('services', 'team-a/a', { spec: { type: 'LoadBalancer' } })
  sim.update('services', 'team-a/a', (object) => object)
  const last = sim.delete('services', 'team-a/a')
  await open.until(3)
  assert.deepEqual(open.story, ['ADDED a', 'MODIFIED a', 'DELETED a'])
  assert.deepEqual(open.events[2]?.object, last)
  assert.equal(at(open.events[0]?.object, 'kind'), 'Service')
  assert.equal(at(open.events[1]?.object, 'metadata', 'generation'), 2)
  assert.equal(last.metadata.resourceVersion, sim.resourceVersion)
})

test('a watch without a version, or from 0, tells everything there is first', async () => {
  await using sim = await startApiServerSimulator()
  for (const name of ['b', 'a']) sim.create('services', service(name))
  for (const query of ['watch=1', 'watch=true&resourceVersion=0']) {
    await using open = await watch(sim, `${services}?${query}`)
    await open.until(2)
    assert.deepEqual(open.story, ['ADDED a', 'ADDED b'])
  }
})

test('a watch continues where another one was cut', async () => {
  await using sim = await startApiServerSimulator()
  await using first = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  const seen = sim.create('services', service('a')).metadata.resourceVersion
  await first.until(1)
  sim.cutWatches('services')
  assert.equal(await first.ended, 'cut')
  sim.create('services', service('b'))
  await using second = await watch(sim, `${services}?watch=1&resourceVersion=${seen}`)
  await second.until(1)
  assert.deepEqual(second.story, ['ADDED b'])
})

test('a watch with a selector tells of objects that enter and leave it', async () => {
  await using sim = await startApiServerSimulator()
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}&labelSelector=tier%3Dweb`)
  sim.create('services', service('a'))
  sim.patch('services', 'team-a/a', { metadata: { labels: { tier: 'web' } } })
  sim.patch('services', 'team-a/a', { spec: { type: 'NodePort' } })
  sim.patch('services', 'team-a/a', { metadata: { labels: { tier: null } } })
  await open.until(3)
  assert.deepEqual(open.story, ['ADDED a', 'MODIFIED a', 'DELETED a'])
})

test('a deleted namespace takes its objects along', async () => {
  await using sim = await startApiServerSimulator()
  sim.create('services', service('a'))
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.delete('namespaces', 'team-a')
  await open.until(1)
  assert.deepEqual(open.story, ['DELETED a'])
})

test('an object with a finalizer is marked first and goes when the finalizer does', async () => {
  await using sim = await startApiServerSimulator()
  sim.create('services', { ...service('a'), metadata: { ...service('a').metadata, finalizers: ['example.com/hold'] } })
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.delete('services', 'team-a/a')
  sim.patch('services', 'team-a/a', { metadata: { finalizers: null } })
  await open.until(2)
  assert.deepEqual(open.story, ['MODIFIED a', 'DELETED a'])
  assert.equal(sim.count('services'), 0)
})

test('bookmarks go to watches that asked for them, on demand and on a timer', async () => {
  await using sim = await startApiServerSimulator({ bookmarkEveryMs: 0 })
  await using asked = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}&allowWatchBookmarks=true`)
  await using other = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.create('pods', { metadata: { name: 'p' } })
  sim.sendBookmarks()
  await asked.until(1)
  assert.deepEqual(asked.story, [`BOOKMARK ${sim.resourceVersion}`])
  assert.equal(at(asked.events[0]?.object, 'kind'), 'Service')
  assert.deepEqual(other.story, [])

  await using timed = await startApiServerSimulator({ bookmarkEveryMs: 1 })
  await using open = await watch(timed, `${services}?watch=1&resourceVersion=${timed.resourceVersion}&allowWatchBookmarks=true`)
  await open.until(2)
  assert.deepEqual(new Set(open.story), new Set([`BOOKMARK ${timed.resourceVersion}`]))
})

test('a watch ends cleanly when its timeoutSeconds are over', async () => {
  await using sim = await startApiServerSimulator()
  await using open = await watch(sim, `${services}?watch=1&timeoutSeconds=0`)
  assert.equal(await open.ended, 'end')
})

test('a watch from before a compaction is told 410, as an event or as a status', async () => {
  await using sim = await startApiServerSimulator()
  const old = sim.resourceVersion
  sim.create('services', service('a'))
  sim.compact()
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${old}`)
  assert.equal(await open.ended, 'end')
  assert.deepEqual(open.story, ['ERROR 410'])
  assert.equal(at(open.events[0]?.object, 'reason'), 'Expired')
  await using current = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.create('services', service('b'))
  await current.until(1)
  sim.compact('status')
  assert.equal((await ask(sim, `${services}?watch=1&resourceVersion=${old}`)).status, 410)
  assert.deepEqual(current.story, ['ADDED b'])
})

test('a watch that did not read what was compacted is told 410', async () => {
  await using sim = await startApiServerSimulator()
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.stallWatches()
  sim.create('services', service('a'))
  sim.compact()
  sim.resumeWatches()
  assert.equal(await open.ended, 'end')
  assert.deepEqual(open.story, ['ERROR 410'])
})

test('the history is bounded', async () => {
  await using sim = await startApiServerSimulator({ historyLimit: 5 })
  const old = sim.resourceVersion
  for (let i = 0; i < 20; i++) sim.create('services', service(`s${i}`))
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${old}`)
  await open.until(1)
  assert.deepEqual(open.story, ['ERROR 410'])
})

test('a streaming list sends what there is, a marked bookmark, and then what happens', async () => {
  await using sim = await startApiServerSimulator({ streamingLists: 'served' })
  sim.create('services', service('a'))
  const query = 'watch=1&sendInitialEvents=true&allowWatchBookmarks=true'
  await using open = await watch(sim, `${services}?${query}&resourceVersionMatch=NotOlderThan`)
  await open.until(2)
  sim.create('services', service('b'))
  await open.until(3)
  assert.deepEqual(open.story, ['ADDED a', `BOOKMARK ${Number(sim.resourceVersion) - 1}`, 'ADDED b'])
  assert.equal(at(open.events[1]?.object, 'metadata', 'annotations', 'k8s.io/initial-events-end'), 'true')
  assert.equal((await ask(sim, `${services}?${query}`)).status, 422)
})

test('an old server ignores sendInitialEvents, a newer one without the feature refuses it', async () => {
  const path = `${services}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`
  await using old = await startApiServerSimulator({ bookmarkEveryMs: 0 })
  old.create('services', service('a'))
  await using open = await watch(old, path)
  await open.until(1)
  old.create('services', service('b'))
  await open.until(2)
  assert.deepEqual(open.story, ['ADDED a', 'ADDED b'])
  await using without = await startApiServerSimulator({ streamingLists: 'refused' })
  assert.equal((await ask(without, path)).status, 422)
})

test('discovery names groups, versions and kinds', async () => {
  await using sim = await startApiServerSimulator({ version: 'v1.20.2' })
  sim.addResource(widgets)
  assert.equal(at((await ask(sim, '/version')).body, 'minor'), '20')
  assert.deepEqual(at((await ask(sim, '/api')).body, 'versions'), ['v1'])
  const groups = at((await ask(sim, '/apis')).body, 'groups')
  assert.ok(Array.isArray(groups))
  assert.deepEqual(
    groups.map((group) => at(group, 'name')),
    ['apps', 'batch', 'networking.k8s.io', 'example.com'],
  )
  assert.equal(at((await ask(sim, '/apis/example.com')).body, 'preferredVersion', 'version'), 'v1')
  assert.equal(at((await ask(sim, '/apis/example.com/v1beta1')).body, 'resources', 0, 'kind'), 'Widget')
  assert.equal(at((await ask(sim, '/api/v1')).body, 'resources', 0, 'name'), 'namespaces')
  const missing = await ask(sim, '/apis/nothing.example.com/v1')
  assert.deepEqual([missing.status, missing.text], [404, '404 page not found\n'])
})

test('aggregated discovery answers those who accept it, when it is on', async () => {
  const headers = { accept: 'application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList, application/json' }
  await using sim = await startApiServerSimulator({ aggregatedDiscovery: true })
  const { body, headers: told } = await ask(sim, '/apis', { headers })
  assert.match(told['content-type'] ?? '', /g=apidiscovery/)
  assert.equal(at(body, 'items', 0, 'versions', 0, 'resources', 0, 'resource'), 'deployments')
  assert.equal(at((await ask(sim, '/api', { headers })).body, 'items', 0, 'metadata', 'name'), '')
  assert.equal(at((await ask(sim, '/apis')).body, 'kind'), 'APIGroupList')
  await using old = await startApiServerSimulator()
  assert.equal(at((await ask(old, '/apis', { headers })).body, 'kind'), 'APIGroupList')
})

test('a custom kind is served in each of its versions, and its items carry their kind', async () => {
  await using sim = await startApiServerSimulator()
  sim.addResource(widgets)
  sim.create('widgets.example.com', { metadata: { name: 'w' }, spec: { size: 1 } })
  for (const version of ['v1', 'v1beta1']) {
    const { body } = await ask(sim, `/apis/example.com/${version}/widgets`)
    assert.equal(at(body, 'items', 0, 'apiVersion'), `example.com/${version}`)
    assert.equal(at(body, 'items', 0, 'kind'), 'Widget')
  }
})

test('a removed kind deletes its objects, ends its watches and is not found any more', async () => {
  await using sim = await startApiServerSimulator()
  sim.addResource(widgets)
  sim.create('widgets.example.com', { metadata: { name: 'w' } })
  await using open = await watch(sim, `/apis/example.com/v1/widgets?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.removeResource('widgets.example.com')
  assert.equal(await open.ended, 'end')
  assert.deepEqual(open.story, ['DELETED w'])
  assert.equal((await ask(sim, '/apis/example.com/v1/widgets')).status, 404)
  assert.equal((await ask(sim, '/apis/example.com/v1')).status, 404)
})

test('objects are created, read, replaced, patched and deleted over HTTP', async () => {
  await using sim = await startApiServerSimulator()
  const secrets = '/api/v1/namespaces/default/secrets'
  const created = await ask(sim, secrets, { method: 'POST', body: { metadata: { name: 'agent' }, data: { key: 'YQ==' } } })
  assert.equal(created.status, 201)
  assert.equal(at(created.body, 'kind'), 'Secret')
  assert.equal((await ask(sim, secrets, { method: 'POST', body: { metadata: { name: 'agent' } } })).status, 409)
  const patched = await ask(sim, `${secrets}/agent`, { method: 'PATCH', body: { data: { more: 'Yg==' } } })
  assert.deepEqual(at(patched.body, 'data'), { key: 'YQ==', more: 'Yg==' })
  const stale = await ask(sim, `${secrets}/agent`, { method: 'PUT', body: created.body })
  assert.deepEqual([stale.status, at(stale.body, 'reason')], [409, 'Conflict'])
  const replaced = await ask(sim, `${secrets}/agent`, { method: 'PUT', body: { metadata: { name: 'agent' }, data: {} } })
  assert.deepEqual(at(replaced.body, 'data'), {})
  assert.equal(at(replaced.body, 'metadata', 'uid'), at(created.body, 'metadata', 'uid'))
  assert.equal((await ask(sim, `${secrets}/agent`, { method: 'DELETE' })).status, 200)
  const gone = await ask(sim, `${secrets}/agent`)
  assert.equal(gone.status, 404)
  assert.deepEqual(gone.body, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'secrets "agent" not found',
    reason: 'NotFound',
    details: { name: 'agent', kind: 'secrets' },
    code: 404,
  })
})

test('what cannot be written is refused with a reason', async () => {
  await using sim = await startApiServerSimulator()
  const pods = '/api/v1/namespaces/default/pods'
  const status = async (path: string, question: Parameters<typeof ask>[2]) => (await ask(sim, path, question)).status
  assert.equal(await status('/api/v1/namespaces/nowhere/pods', { method: 'POST', body: { metadata: { name: 'a' } } }), 404)
  assert.equal(await status(pods, { method: 'POST', body: { metadata: {} } }), 422)
  assert.equal(await status(pods, { method: 'POST', body: [] }), 400)
  assert.equal(await status(pods, { method: 'DELETE' }), 405)
  sim.create('pods', { metadata: { name: 'a' } })
  assert.equal(
    await status(`${pods}/a`, { method: 'PATCH', body: {}, headers: { 'content-type': 'application/json-patch+json' } }),
    415,
  )
  assert.equal(await status(`${pods}/a/log`, {}), 405)
  assert.equal(await status(`${services}?resourceVersion=x`, {}), 400)
  assert.equal(await status(`${services}?resourceVersion=99999999`, {}), 504)
})

test('the subresource status changes the status alone', async () => {
  await using sim = await startApiServerSimulator()
  sim.create('services', service('a'))
  const path = '/api/v1/namespaces/team-a/services/a/status'
  await ask(sim, path, { method: 'PATCH', body: { spec: { type: 'X' }, status: { ok: true } } })
  const changed = sim.get('services', 'team-a/a')
  assert.deepEqual([changed?.spec, changed?.status], [{ type: 'ClusterIP' }, { ok: true }])
})

test('with a token nobody else gets in, probes excepted', async () => {
  await using sim = await startApiServerSimulator({ token: 'secret' })
  assert.equal((await ask(sim, services)).status, 200)
  const { status, body } = await ask({ url: sim.url }, services)
  assert.deepEqual([status, at(body, 'reason')], [401, 'Unauthorized'])
  assert.equal((await ask({ url: sim.url }, '/readyz')).status, 200)
})

test('a forbidden kind is refused in the words of the real server until it is allowed', async () => {
  await using sim = await startApiServerSimulator()
  sim.forbid('deployments.apps')
  const { status, body } = await ask(sim, '/apis/apps/v1/deployments')
  assert.equal(status, 403)
  assert.equal(
    at(body, 'message'),
    'deployments.apps is forbidden: User "system:serviceaccount:watch-hub:watch-hub-agent" cannot list resource "deployments" in API group "apps" at the cluster scope',
  )
  sim.allow('deployments.apps')
  assert.equal((await ask(sim, '/apis/apps/v1/deployments')).status, 200)
  sim.forbid('services', { scope: 'cluster', verbs: ['list', 'watch'] })
  assert.equal((await ask(sim, services)).status, 403)
  assert.equal((await ask(sim, '/api/v1/namespaces/team-a/services')).status, 200)
})

test('an access review says what is allowed', async () => {
  await using sim = await startApiServerSimulator()
  sim.forbid('services', { verbs: ['watch'] })
  const allowed = async (verb: string) => {
    const body = { spec: { resourceAttributes: { group: '', resource: 'services', verb } } }
    const answer = await ask(sim, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { method: 'POST', body })
    return at(answer.body, 'status', 'allowed')
  }
  assert.deepEqual([await allowed('list'), await allowed('watch')], [true, false])
})

test('failures are met as often as they were ordered, by the requests that they are for', async () => {
  await using sim = await startApiServerSimulator()
  sim.failNext({ match: { verb: 'list', resource: 'services' }, status: 429, retryAfter: 2, times: 2 })
  assert.equal((await ask(sim, '/api/v1/pods')).status, 200)
  for (let i = 0; i < 2; i++) {
    const { status, headers, body } = await ask(sim, services)
    assert.deepEqual([status, headers['retry-after'], at(body, 'reason')], [429, '2', 'TooManyRequests'])
  }
  assert.equal((await ask(sim, services)).status, 200)

  sim.failNext({ match: { verb: 'watch' }, errorEvent: 500 })
  await using open = await watch(sim, `${services}?watch=1`)
  assert.equal(await open.ended, 'end')
  assert.deepEqual(open.story, ['ERROR 500'])

  sim.failNext({ match: { verb: 'watch' }, empty: true })
  assert.equal((await ask(sim, `${services}?watch=1`)).text, '')
  sim.failNext({ match: (request) => request.path === '/apis', reset: true })
  await assert.rejects(ask(sim, '/apis'), /socket hang up/)
})

test('the second page of a list can fail', async () => {
  await using sim = await startApiServerSimulator()
  for (const name of ['a', 'b']) sim.create('services', service(name))
  sim.failNext({ match: (request) => request.query.continue !== undefined, status: 500 })
  const first = (await ask(sim, `${services}?limit=1`)).body
  const next = `${services}?limit=1&continue=${String(at(first, 'metadata', 'continue'))}`
  assert.equal((await ask(sim, next)).status, 500)
  assert.equal((await ask(sim, next)).status, 200)
})

test('stalled watches are open and silent until they are resumed', async () => {
  await using sim = await startApiServerSimulator()
  sim.stallWatches()
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.create('services', service('a'))
  assert.equal((await ask(sim, services)).status, 200)
  assert.deepEqual(open.story, [])
  sim.resumeWatches()
  await open.until(1)
  assert.deepEqual(open.story, ['ADDED a'])
})

test('a watch can be cut in the middle of an event, and be ended cleanly', async () => {
  await using sim = await startApiServerSimulator()
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.cutWatches('services', 'mid-event')
  sim.create('services', service('a'))
  assert.equal(await open.ended, 'cut')
  assert.deepEqual(open.story, [])
  assert.match(open.rest(), /^\{"type":"ADDED"/)
  await using next = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.endWatches()
  assert.equal(await next.ended, 'end')
})

test('bytes can trickle in small pieces, through the middle of a character', async () => {
  await using sim = await startApiServerSimulator()
  sim.splitChunks(7)
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.create('services', { ...service('a'), note: '☃'.repeat(20) })
  await open.until(1)
  assert.ok(open.pieces.length > 10 && Math.max(...open.pieces) <= 7)
  assert.equal(at(open.events[0]?.object, 'note'), '☃'.repeat(20))
})

test('events of one moment come in one piece', async () => {
  await using sim = await startApiServerSimulator()
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  for (const name of ['a', 'b', 'c']) sim.create('services', service(name))
  await open.until(3)
  assert.equal(open.pieces.length, 1)
})

test('a refusing server takes no connection and comes back on the same port', async () => {
  await using sim = await startApiServerSimulator()
  await using open = await watch(sim, `${services}?watch=1`)
  await sim.refuse()
  assert.equal(await open.ended, 'cut')
  await assert.rejects(ask(sim, services), /ECONNREFUSED/)
  await sim.restore()
  assert.equal((await ask(sim, services)).status, 200)
})

test('a restored backup brings the objects of then, and versions that go backwards', async () => {
  await using sim = await startApiServerSimulator()
  const kept = sim.create('services', service('kept'))
  const backup = sim.backup()
  const then = sim.resourceVersion
  sim.delete('services', 'team-a/kept')
  sim.create('services', service('later'))
  const lost = sim.resourceVersion
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${lost}`)
  sim.restoreBackup(backup)
  assert.equal(await open.ended, 'cut')
  assert.equal(sim.resourceVersion, then)
  assert.deepEqual(sim.list('services'), [kept])
  await using ahead = await watch(sim, `${services}?watch=1&resourceVersion=${lost}`)
  sim.create('services', service('new'))
  sim.create('services', service('newer'))
  sim.create('services', service('newest'))
  await ahead.until(1)
  assert.deepEqual(ahead.story, ['ADDED newest'])
})

test('a silent change reaches lists and no watch', async () => {
  await using sim = await startApiServerSimulator()
  sim.create('services', service('a'))
  await using open = await watch(sim, `${services}?watch=1&resourceVersion=${sim.resourceVersion}`)
  sim.silently(() => sim.delete('services', 'team-a/a'))
  sim.create('services', service('b'))
  await open.until(1)
  assert.deepEqual(open.story, ['ADDED b'])
  assert.deepEqual(names((await ask(sim, services)).body), ['b'])
})

test('requests are recorded, and open watches counted', async () => {
  await using sim = await startApiServerSimulator()
  await ask(sim, '/api/v1/namespaces/team-a/services?limit=5')
  await using open = await watch(sim, `${services}?watch=1`)
  await sim.until(() => sim.watches('services') === 1, 'a watch of services')
  assert.equal(sim.watches(), 1)
  assert.equal(sim.watches('pods'), 0)
  assert.equal(sim.requests.count({ resource: 'services' }), 2)
  assert.equal(sim.requests.count({ verb: 'watch' }), 1)
  const [list] = sim.requests.all
  assert.deepEqual([list?.verb, list?.namespace, list?.query], ['list', 'team-a', { limit: '5' }])
  await open[Symbol.asyncDispose]()
  await sim.until(() => sim.watches() === 0, 'no watch')
  sim.requests.clear()
  assert.equal(sim.requests.count(), 0)
})

test('the kubeconfig names the server, how to trust it, and the token', async () => {
  await using plain = await startApiServerSimulator()
  assert.match(plain.kubeconfig(), new RegExp(`server: ${plain.url}\n +insecure-skip-tls-verify: true`))
  await using secure = await startApiServerSimulator({ tls: true, token: 'secret' })
  const [, ca = ''] = /certificate-authority-data: (\S+)/.exec(secure.kubeconfig()) ?? []
  assert.equal(Buffer.from(ca, 'base64').toString(), secure.ca)
  assert.match(secure.kubeconfig(), /user: \{token: secret\}/)
  assert.equal((await ask(secure, services)).status, 200)
})

test('the kubeconfig file is for its owner alone', async () => {
  await using sim = await startApiServerSimulator()
  const dir = await mkdtemp(join(tmpdir(), 'simulator-'))
  try {
    const path = await sim.writeKubeconfig(dir)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal(await readFile(path, 'utf8'), sim.kubeconfig())
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('many objects are listed whole, at the pace of the reader', async () => {
  await using sim = await startApiServerSimulator()
  const filler = 'x'.repeat(2000)
  for (let i = 0; i < 5000; i++)
    sim.create('configmaps', { metadata: { name: `c${String(i).padStart(5, '0')}` }, data: { filler } })
  const { body } = await ask(sim, '/api/v1/configmaps')
  assert.equal(new Set(names(body)).size, 5000)
})
