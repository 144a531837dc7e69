/** `watch-hub why` with real programs: what a person asks when an endpoint was not told, and the file and line that answer it. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import type { Simulator } from '../support/api-server-simulator/simulator.ts'
import { startSimulatedCluster } from '../support/cluster.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startWorld, type World } from '../support/world.ts'

const lines = (...text: readonly string[]) => `${text.join('\n')}\n`
const head = (kind: string, name: string) => ['apiVersion: watch-hub.dev/v1alpha1', `kind: ${kind}`, `metadata: {name: ${name}}`]

/** By file; line numbers in what follows are theirs. */
const repo = (url: string): Readonly<Record<string, string>> => ({
  'clusters/prod.yaml': manifest('Cluster', 'prod', {}),
  'clusters/away.yaml': manifest('Cluster', 'away', {}),
  'settings.yaml': lines(...head('Settings', 'settings'), 'spec:', '  ignoreNamespaces: [kube-*]', '  defaults:', '    watch:', '      labelSelector: tier!=cache'),
  'endpoints/all.yaml': lines(
    ...head('Endpoint', 'dns'),
    'spec:',
    `  url: ${url}`,
    '  batch: {maxWait: 0s}',
    '  allow:',
    '    namespaces: [team-*]',
    '---',
    ...head('Endpoint', 'audit'),
    `spec: {url: ${url}}`,
  ),
  'watches/lb.yaml': lines(
    ...head('Watch', 'load-balancers'),
    'spec:',
    '  resources:',
    '    - services',
    '  namespaces:',
    '    include: [team-*, lab]',
    '    exclude: [team-sandbox]',
    '  when: object.spec.type == "LoadBalancer" && object.spec.ports[0].port > 79',
    '  endpoints: [dns]',
  ),
  'watches/resting.yaml': lines(...head('Watch', 'resting'), 'spec:', '  resources: [configmaps]', '  endpoints: [audit]', '  paused: true'),
})

suite('why', { timeout: 180_000 }, () => {
  const scope = new AsyncDisposableStack()
  let world: World
  let simulator: Simulator
  let receiver: Receiver

  before(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
    scope.defer(() => rm(dir, { recursive: true, force: true }))
    const cluster = scope.use(await startSimulatedCluster('prod', dir))
    if (cluster.simulator === undefined) throw new Error('expected a simulated cluster')
    simulator = cluster.simulator
    receiver = scope.use(await startReceiver())
    const config = join(dir, 'config')
    await mkdir(join(dir, 'secrets'))
    for (const [file, text] of Object.entries(repo(receiver.url))) {
      await mkdir(join(config, file, '..'), { recursive: true })
      await writeFile(join(config, file), text)
    }
    world = scope.use(await startWorld({ dir, repo: config, secretsDir: join(dir, 'secrets') }))
    await world.status((status) => status.config.live !== undefined, 'the config')
    await world.startAgent(cluster)
    await world.status(
      ({ clusters }) =>
        clusters.some(({ streams, connected }) => connected && streams.length > 0 && streams.every(({ state }) => state.state === 'live')),
      'a live watch',
    )
  })
  after(() => scope.disposeAsync())

  const why = async (...args: readonly string[]) => {
    const { code, output } = await world.cli('why', ...args)
    return { code, output, verdict: output.trimEnd().split('\n').at(-1) ?? '' }
  }
  const inProd = (...args: readonly string[]) => why(...args, '--cluster', 'prod')

  test('an object that is told has a check mark at every condition, and the exit code 0', async () => {
    simulator.create('services', service('shop', { namespace: 'team-web' }))
    await receiver.waitFor(({ names }) => names.includes('team-web/shop'), 'the service')
    const { code, output, verdict } = await inProd('service/shop', '-n', 'team-web', '--endpoint', 'dns')
    assert.equal(verdict, 'told: the watch load-balancers tells dns of it', output)
    assert.equal(code, 0)
    assert.doesNotMatch(output, /✗|\?/)
    assert.match(output, /^ {2}namespaces +✓ "team-web" in \[team-\*, lab\] \(watches\/lb\.yaml:8\)$/m)
    assert.match(output, /^ {2}namespaces\.exclude +✓ .* \(watches\/lb\.yaml:9\)$/m)
    assert.match(output, /^ {2}ignoreNamespaces +✓ "team-web" not excluded by \[kube-\*\] \(settings\.yaml:5\)$/m)
    assert.match(output, /^ {2}labelSelector +✓ the labels match \(settings\.yaml:8\)$/m)
    assert.match(output, /^ {2}when +✓ is true \(watches\/lb\.yaml:10\)$/m)
    assert.match(output, /^ {2}stream +✓ live$/m)
    assert.match(output, /^ {2}reported +· resourceVersion \d+, the newest$/m)
    assert.match(output, /^ {2}allow\.namespaces +✓ "team-web" in \[team-\*\] \(endpoints\/all\.yaml:8\)$/m)
  })

  test('the first condition that fails is the verdict, with its file and line', async () => {
    const cases = [
      [service('a', { namespace: 'web' }), 'namespaces of the watch load-balancers: "web" not in [team-*, lab] (watches/lb.yaml:8)'],
      [
        service('b', { namespace: 'team-sandbox' }),
        'namespaces.exclude of the watch load-balancers: "team-sandbox" excluded by [team-sandbox] (watches/lb.yaml:9)',
      ],
      [
        service('c', { namespace: 'team-web', labels: { tier: 'cache' } }),
        'labelSelector of the watch load-balancers: tier!=cache does not hold: tier has another value (settings.yaml:8)',
      ],
      [
        service('d', { namespace: 'team-web', type: 'ClusterIP' }),
        'when of the watch load-balancers: is false (watches/lb.yaml:10)',
      ],
      [service('e', { namespace: 'lab' }), 'allow.namespaces of the endpoint dns: "lab" not in [team-*] (endpoints/all.yaml:8)'],
    ] as const
    for (const [object, verdict] of cases) {
      simulator.create('services', object)
      const { name, namespace } = Object(object.metadata)
      const answer = await inProd('svc', String(name), '-n', String(namespace), '--endpoint', 'dns')
      assert.deepEqual([answer.code, answer.verdict], [1, `not told: ${verdict}`], answer.output)
    }
  })
})
