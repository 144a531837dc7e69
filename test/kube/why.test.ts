/** `watch-hub why` on a real API server: an agent that may list and watch, and no more, finds one object by its name. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { type Cluster, startRealCluster } from '../support/cluster.ts'
import { manifest } from '../support/manifest.ts'
import { deployment, node, service } from '../support/objects.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startWorld, type World } from '../support/world.ts'

const watch = [
  'apiVersion: watch-hub.dev/v1alpha1',
  'kind: Watch',
  'metadata: {name: things}',
  'spec:',
  '  resources: [services, deployments.apps]',
  '  namespaces:',
  '    selector: team=web',
  '  labelSelector: app',
  '  when: object.metadata.generation > 1 || object.kind == "Service"',
  '  endpoints: [crm]',
  '',
]

suite('why, on a real API server', { timeout: 180_000 }, () => {
  const scope = new AsyncDisposableStack()
  let world: World
  let cluster: Cluster
  let receiver: Receiver

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'watch-hub-why-'))
    scope.defer(() => rm(dir, { recursive: true, force: true }))
    cluster = scope.use(await startRealCluster('prod', dir))
    receiver = scope.use(await startReceiver())
    const repo = join(dir, 'config')
    await Promise.all([mkdir(repo), mkdir(join(dir, 'secrets'))])
    const others = [
      manifest('Cluster', 'prod', {}),
      manifest('Endpoint', 'crm', { url: receiver.url, batch: { maxWait: '0s' } }),
      manifest('Watch', 'nodes', { resources: ['nodes'], endpoints: ['crm'] }),
    ]
    await writeFile(join(repo, 'others.yaml'), others.join('---\n'))
    await writeFile(join(repo, 'things.yaml'), watch.join('\n'))
    await cluster.client.ensureNamespace('web', { team: 'web' })
    const kubeconfig = join(dir, 'lister')
    await writeFile(kubeconfig, await listerOf(cluster), { mode: 0o600 })
    world = scope.use(await startWorld({ dir, repo, secretsDir: join(dir, 'secrets') }))
    await world.status(({ config }) => config.live !== undefined, 'the config')
    await world.startAgent({ ...cluster, kubeconfig })
    await world.status(
      ({ clusters: [prod] }) => prod?.streams.length === 3 && prod.streams.every(({ state }) => state.state === 'live'),
      'live watches',
    )
  })
  after(() => scope.disposeAsync())

  const why = async (...args: readonly string[]) => {
    const { code, output } = await world.cli('why', ...args, '--cluster', 'prod', '--endpoint', 'crm')
    return { code, output, verdict: output.trimEnd().split('\n').at(-1) ?? '' }
  }

  test('an object that is told, one of each scope of condition that keeps it back, and one that is not there', async () => {
    const { client } = cluster
    await client.create('services', service('shop', { namespace: 'web', type: 'ClusterIP' }))
    await client.create('services', service('shop', { type: 'ClusterIP' }))
    await client.create('deployments.apps', deployment('shop', { namespace: 'web' }))
    await receiver.waitFor(({ names }) => names.includes('web/shop'), 'the service')
    await cluster.client.create('nodes', node('metal-1'))

    const told = await why('service/shop', '-n', 'web')
    assert.deepEqual([told.code, told.verdict], [0, 'told: the watch things tells crm of it'], told.output)
    assert.match(told.output, /^ {2}namespaces\.selector +✓ the labels of namespace "web" match \(things\.yaml:7\)$/m)
    assert.match(told.output, /^present: resourceVersion \d+, uid [-0-9a-f]{36}$/m)

    const elsewhere = await why('svc', 'shop')
    assert.deepEqual(
      [elsewhere.code, elsewhere.verdict],
      [1, 'not told: namespaces.selector of the watch things: team=web does not hold: there is no label team (things.yaml:7)'],
      elsewhere.output,
    )
    const unborn = await why('deploy/shop', '-n', 'web')
    assert.deepEqual(
      [unborn.code, unborn.verdict],
      [1, 'not told: when of the watch things: is false (things.yaml:9)'],
      unborn.output,
    )
    const wide = await why('node/metal-1')
    assert.deepEqual([wide.code, wide.verdict], [0, 'told: the watch nodes tells crm of it'], wide.output)
    const absent = await why('deploy/cart', '-n', 'web')
    assert.deepEqual(
      [absent.code, absent.verdict],
      [1, 'not told: deployments.apps web/cart does not exist in prod'],
      absent.output,
    )
  })
})

/** The kubeconfig of somebody who may list and watch what is watched, and get nothing but what tells one cluster from another. */
async function listerOf({ client, server, kubeconfig }: Cluster): Promise<string> {
  const metadata = { name: 'lister' }
  const rbac = 'rbac.authorization.k8s.io'
  const verbs = ['list', 'watch']
  await client.create('serviceaccounts', { metadata: { ...metadata, namespace: 'default' } })
  await client.create(`clusterroles.${rbac}`, {
    metadata,
    rules: [
      { apiGroups: [''], resources: ['services', 'nodes', 'namespaces'], verbs },
      { apiGroups: ['apps'], resources: ['deployments'], verbs },
      { apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] },
    ],
  })
  await client.create(`clusterrolebindings.${rbac}`, {
    metadata,
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'lister' },
    subjects: [{ kind: 'ServiceAccount', name: 'lister', namespace: 'default' }],
  })
  const path = '/api/v1/namespaces/default/serviceaccounts/lister/token'
  const { body } = await client.call('POST', path, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} })
  const { token } = Object(body.status)
  if (typeof token !== 'string' || server === undefined)
    throw new Error(`expected a token of a real server, got ${JSON.stringify(body)}`)
  return (await readFile(kubeconfig, 'utf8')).replaceAll(server.adminToken, token)
}
