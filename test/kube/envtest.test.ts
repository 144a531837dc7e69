/** The real API server behaves as the stories need it: it starts, obeys RBAC, forgets history when told to, survives kill -9, and ends. */
import assert from 'node:assert/strict'
import { access, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { suite, test } from 'node:test'
import { type ApiServer, startApiServer } from '../support/envtest/envtest.ts'
import { request } from '../support/envtest/request.ts'

suite('a real API server', () => {
  test('creates and gives back a Service in a new namespace', async () => {
    await using server = await startApiServer()
    await createNamespace(server, 'team-web')
    const created = await request(server.admin, {
      method: 'POST',
      path: '/api/v1/namespaces/team-web/services',
      body: service('shop'),
    })
    assert.equal(created.status, 201, created.body)

    const found = await request(server.admin, { path: '/api/v1/namespaces/team-web/services/shop' })
    assert.equal(found.status, 200, found.body)
    assert.partialDeepStrictEqual(JSON.parse(found.body), { kind: 'Service', metadata: { name: 'shop', namespace: 'team-web' } })
  })

  test('lets nobody in without a token, and listens on loopback alone', async () => {
    await using server = await startApiServer()
    const anonymous = await request({ url: server.url, ca: server.ca }, { path: '/api/v1/services' })
    assert.equal(anonymous.status, 403, anonymous.body)
    const stranger = await request({ ...server.admin, token: 'guessed' }, { path: '/api/v1/services' })
    assert.equal(stranger.status, 401, stranger.body)

    const port = Number(new URL(server.url).port)
    for (const address of addressesOfThisMachine()) assert.equal(await answers(address, port), false, `answers on ${address}`)
    assert.equal((await stat(server.kubeconfigFile)).mode & 0o777, 0o600)
  })

  test('keeps address and state when it is killed and started again, and ends watches from compacted versions with 410', async () => {
    await using server = await startApiServer()
    const version = await currentVersion(server)
    await createNamespace(server, 'after-that-version')
    await server.compact()
    await server.kill()
    await assert.rejects(request(server.admin, { path: '/readyz' }), { code: 'ECONNREFUSED' })

    await server.restartApiServer()
    const found = await request(server.admin, { path: '/api/v1/namespaces/after-that-version' })
    assert.equal(found.status, 200, found.body)
    const watch = await request(server.admin, {
      path: `/api/v1/namespaces?watch=true&timeoutSeconds=5&resourceVersion=${version}`,
    })
    assert.partialDeepStrictEqual(JSON.parse(watch.body), {
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired' },
    })
  })

  test('is gone with its folder when it was stopped, and may be stopped twice', async () => {
    await using server = await startApiServer()
    await server.stop()
    await server.stop()
    await assert.rejects(request(server.admin, { path: '/readyz' }), { code: 'ECONNREFUSED' })
    await assert.rejects(access(server.dir), { code: 'ENOENT' })
  })

  test('gives up starting when its signal aborts', async () => {
    const reason = new Error('changed my mind')
    await assert.rejects(startApiServer({ signal: AbortSignal.abort(reason) }), reason)
  })
})

async function createNamespace(server: ApiServer, name: string): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
  const created = await request(server.admin, { method: 'POST', path: '/api/v1/namespaces', body })
  assert.equal(created.status, 201, created.body)
}

const service = (name: string) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }] } })

async function currentVersion(server: ApiServer): Promise<string> {
  const list: { readonly metadata: { readonly resourceVersion: string } } = JSON.parse(
    (await request(server.admin, { path: '/api/v1/namespaces?limit=1' })).body,
  )
  return list.metadata.resourceVersion
}

const addressesOfThisMachine = (): readonly string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address)

const answers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => socket.destroy()).once('error', () => resolve(false))
    socket.once('close', (hadError) => resolve(!hadError))
  })
