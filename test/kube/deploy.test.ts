/** What deploy/ ships is accepted by a real API server, and gives the agent the rights it needs and no others. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ApiServer, startApiServer } from '../support/envtest/envtest.ts'
import { request } from '../support/envtest/request.ts'

const run = promisify(execFile)
const agent = 'system:serviceaccount:watch-hub:watch-hub-agent'
const hub = 'system:serviceaccount:watch-hub:watch-hub'

suite('deploy/', () => {
  const scope = new AsyncDisposableStack()
  let server: ApiServer
  before(async () => {
    server = scope.use(await startApiServer())
    await apply(server, 'cluster-agent')
    await apply(server, 'hub')
  })
  after(() => scope.disposeAsync())

  test('the agent may read the listed kinds everywhere, and its own Secret, and nothing else', async () => {
    for (const verb of ['get', 'list', 'watch']) {
      for (const resource of ['services', 'pods', 'nodes', 'namespaces', 'persistentvolumes'])
        assert.equal(await may(server, agent, { verb, resource }), true, `${verb} ${resource}`)
      assert.equal(await may(server, agent, { verb, group: 'apps', resource: 'deployments' }), true, `${verb} deployments`)
      assert.equal(
        await may(server, agent, { verb, group: 'networking.k8s.io', resource: 'ingresses' }),
        true,
        `${verb} ingresses`,
      )
      assert.equal(await may(server, agent, { verb, resource: 'secrets' }), false, `${verb} secrets`)
      assert.equal(await may(server, agent, { verb, resource: 'configmaps' }), false, `${verb} configmaps`)
      assert.equal(await may(server, agent, { verb, resource: '*' }), false, `${verb} * of the core group`)
    }
    assert.equal(await may(server, agent, { verb: '*', group: '*', resource: '*' }), false, '* on *')
    for (const verb of ['create', 'update', 'patch', 'delete'])
      assert.equal(await may(server, agent, { verb, resource: 'services' }), false, `${verb} services`)
    assert.equal(await may(server, agent, { verb: 'create', resource: 'pods', subresource: 'exec' }), false, 'create pods/exec')
  })

  test('the agent may read and change the Secret with its identity, and no other one', async () => {
    const secret = { resource: 'secrets', namespace: 'watch-hub' }

    for (const verb of ['get', 'patch'])
      assert.equal(await may(server, agent, { ...secret, verb, name: 'watch-hub-agent-identity' }), true, verb)
    assert.equal(await may(server, agent, { ...secret, verb: 'delete', name: 'watch-hub-agent-identity' }), false, 'delete')
    assert.equal(await may(server, agent, { ...secret, verb: 'get', name: 'watch-hub-join' }), false, 'get another')
    assert.equal(await may(server, agent, { ...secret, verb: 'list' }), false, 'list')
    assert.equal(await may(server, agent, { ...secret, verb: 'create' }), false, 'create')
    assert.equal(
      await may(server, agent, { ...secret, namespace: 'default', verb: 'get', name: 'watch-hub-agent-identity' }),
      false,
      'in another namespace',
    )
  })

  test('applying the agent again keeps the identity that it has stored', async () => {
    const path = '/api/v1/namespaces/watch-hub/secrets/watch-hub-agent-identity'
    const key = Buffer.from('a key').toString('base64')
    assert.equal((await request(server.admin, { method: 'PATCH', path, body: { data: { 'identity.json': key } } })).status, 200)

    await apply(server, 'cluster-agent')
    assert.partialDeepStrictEqual(await read(server, path), { data: { 'identity.json': key } })
  })

  test('the hub may do nothing in its cluster', async () => {
    assert.equal(await may(server, hub, { verb: 'list', resource: 'services' }), false)
    assert.equal(
      await may(server, hub, { verb: 'get', resource: 'secrets', namespace: 'watch-hub', name: 'watch-hub-secrets' }),
      false,
    )
  })

  test('both run without privileges, on a read-only root file system, with probes and a bound on memory', async () => {
    const workloads = '/apis/apps/v1/namespaces/watch-hub'
    assert.partialDeepStrictEqual(await read(server, `${workloads}/statefulsets/watch-hub`), hardened({ memory: '1Gi' }))
    assert.partialDeepStrictEqual(await read(server, `${workloads}/deployments/watch-hub-agent`), hardened({ memory: '256Mi' }))
  })
})

/** What has to be in any workload of ours. */
const hardened = (limits: { readonly memory: string }) => ({
  spec: {
    replicas: 1,
    template: {
      spec: {
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            livenessProbe: { httpGet: { path: '/healthz' } },
            readinessProbe: { httpGet: { path: '/readyz' } },
            resources: { limits },
            securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    },
  },
})

/** Renders a base and applies what came out, as an administrator would. */
async function apply(server: ApiServer, base: 'hub' | 'cluster-agent'): Promise<void> {
  const folder = fileURLToPath(new URL(`../../deploy/${base}`, import.meta.url))
  const rendered = (await kubectl(server, ['kustomize', folder])).stdout
  const applied = kubectl(server, ['apply', '--filename', '-'])
  applied.child.stdin?.end(rendered)
  await applied
}

function kubectl(server: ApiServer, args: readonly string[]) {
  const own = [`--kubeconfig=${server.kubeconfigFile}`, `--cache-dir=${join(server.dir, 'kubectl-cache')}`]
  return run('kubectl', [...own, ...args], { env: { PATH: process.env.PATH, HOME: server.dir } })
}

interface Deed {
  readonly verb: string
  readonly resource: string
  readonly subresource?: string
  /** @default the core group */
  readonly group?: string
  /** @default all namespaces */
  readonly namespace?: string
  readonly name?: string
}

/** Asks the API server whether RBAC lets `user` do it. */
async function may(server: ApiServer, user: string, deed: Deed): Promise<boolean> {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user, resourceAttributes: deed } }
  const answer = await request(server.admin, { method: 'POST', path: '/apis/authorization.k8s.io/v1/subjectaccessreviews', body })
  assert.equal(answer.status, 201, answer.body)
  const review: { readonly status: { readonly allowed: boolean } } = JSON.parse(answer.body)
  return review.status.allowed
}

async function read(server: ApiServer, path: string): Promise<object> {
  const answer = await request(server.admin, { path })
  assert.equal(answer.status, 200, answer.body)
  return JSON.parse(answer.body)
}
