import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { test } from 'node:test'
import { startApiServerSimulator } from './simulator.ts'
import { ask, at, watch } from './testing.ts'

const services = '/api/v1/services'
const widgets = { group: 'example.com', version: 'v1beta1', resource: 'widgets', kind: 'Widget', namespaced: true }

test('the next body that holds a text is cut in the middle of it, of a character too', async () => {
  await using server = await startApiServerSimulator()
  server.create('services', { metadata: { name: 'a' }, spec: { externalName: 'before 漢 after' } })
  server.cutInside('漢')
  await assert.rejects(ask(server, services))
  assert.equal((await ask(server, services)).status, 200)
  await using open = await watch(server, `${services}?watch=true&resourceVersion=${server.resourceVersion}`)
  server.cutInside('"second"')
  server.create('services', { metadata: { name: 'b' }, spec: { externalName: 'first' } })
  server.create('services', { metadata: { name: 'c' }, spec: { externalName: 'second' } })
  assert.equal(await open.ended, 'cut')
  assert.deepEqual(open.story, ['ADDED b'])
  assert.match(open.rest(), /"sec$/)
})

test('a list can be empty by mistake, and the next one is not', async () => {
  await using server = await startApiServerSimulator()
  server.create('services', { metadata: { name: 'a' } })
  server.failNext({ match: { verb: 'list' }, emptyList: true })
  const [mistaken, right] = [await ask(server, services), await ask(server, services)]
  assert.deepEqual(at(mistaken.body, 'items'), [])
  assert.equal(at(right.body, 'items', 0, 'metadata', 'name'), 'a')
  assert.equal(at(mistaken.body, 'metadata', 'resourceVersion'), at(right.body, 'metadata', 'resourceVersion'))
})

test('a half-open connection stays, without an answer or with the head of one', async () => {
  await using server = await startApiServerSimulator()
  server.failNext({ match: { verb: 'list' }, silent: 'after-head' })
  const sent = httpRequest(new URL(services, server.url), { agent: false }).end()
  await new Promise((resolve) => sent.once('response', resolve))
  server.failNext({ match: ({ path }) => path === '/version', silent: 'before-head' })
  const other = httpRequest(new URL('/version', server.url), { agent: false }).end()
  await server.until(() => server.requests.all.at(-1)?.path === '/version', 'the second request')
  let answered = false
  other.once('response', () => {
    answered = true
  })
  assert.equal((await ask(server, '/version')).status, 200)
  assert.equal(answered, false)
  for (const each of [sent, other]) each.on('error', () => {}).destroy()
})

test('a rotated token replaces the first one, and leaves open watches alone', async () => {
  await using server = await startApiServerSimulator({ token: 'first' })
  await using open = await watch(server, `${services}?watch=true&resourceVersion=${server.resourceVersion}`)
  server.rotateToken('second')
  assert.equal((await ask(server, services)).status, 401)
  assert.equal((await ask({ url: server.url, token: 'second' }, services)).status, 200)
  server.create('services', { metadata: { name: 'a' } })
  await open.until(1)
  assert.match(server.kubeconfig(), /token: second/)
})

test('a kind can be served in other versions, with the objects that it has', async () => {
  await using server = await startApiServerSimulator()
  server.addResource(widgets)
  server.create('widgets.example.com', { metadata: { name: 'w' } })
  const path = (version: string) => `/apis/example.com/${version}/widgets`
  await using old = await watch(server, `${path('v1beta1')}?watch=true&resourceVersion=${server.resourceVersion}`)
  server.serveIn('widgets.example.com', ['v1', 'v1beta1'])
  assert.equal(at((await ask(server, path('v1'))).body, 'items', 0, 'apiVersion'), 'example.com/v1')
  assert.equal((await ask(server, path('v1beta1'))).status, 200)
  server.serveIn('widgets.example.com', ['v1'])
  assert.equal(await old.ended, 'end')
  assert.equal((await ask(server, path('v1beta1'))).status, 404)
})

test('a watch from a version that was not reached can be refused as too large', async () => {
  await using server = await startApiServerSimulator({ futureVersions: 'refused' })
  const answer = await ask(server, `${services}?watch=true&resourceVersion=999999`)
  assert.deepEqual([answer.status, at(answer.body, 'details', 'causes', 0, 'reason')], [504, 'ResourceVersionTooLarge'])
})
