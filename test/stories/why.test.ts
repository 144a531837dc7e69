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
  'settings.yaml': lines(
    ...head('Settings', 'settings'),
    'spec:',
    '  ignoreNamespaces: [kube-*]',
    '  defaults:',
    '    watch:',
    '      labelSelector: tier!=cache',
  ),
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
    '    include: [lab, team-*]',
    '    exclude: [team-sandbox]',
    '  when: object.spec.type == "LoadBalancer" && object.spec.ports[0].port > 79',
    '  endpoints: [dns]',
  ),
  'watches/resting.yaml': lines(
    ...head('Watch', 'resting'),
    'spec:',
    '  resources: [configmaps]',
    '  endpoints: [audit]',
    '  paused: true',
  ),
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
        clusters.some(
          ({ streams, connected }) => connected && streams.length > 0 && streams.every(({ state }) => state.state === 'live'),
        ),
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
    assert.match(output, /^ {2}namespaces +✓ "team-web" in \[lab, team-\*\] \(watches\/lb\.yaml:8\)$/m)
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
      [
        service('a', { namespace: 'web' }),
        'namespaces of the watch load-balancers: "web" not in [lab, team-*] (watches/lb.yaml:8)',
      ],
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

  test('an error of `when` leaves the object as it was, here out, and is told without the content of the object', async () => {
    const { spec, ...rest } = service('f', { namespace: 'team-web' })
    simulator.create('services', { ...rest, spec: { ...Object(spec), ports: [{ port: 'eighty' }] } })
    const { code, verdict, output } = await inProd('service', 'f', '-n', 'team-web', '--endpoint', 'dns')
    assert.equal(code, 1)
    assert.match(
      verdict,
      /^not told: when of the watch load-balancers: cannot be told, so the object stays as it was: .*overload.*; it was out \(watches\/lb\.yaml:10\)$/,
    )
    assert.doesNotMatch(output, /eighty/)
  })

  test('what changed and is not in what the watch sends is suppressed', async () => {
    simulator.patch('services', 'team-web/shop', { metadata: { managedFields: [{ manager: 'kubectl' }] } })
    const { code, output } = await inProd('service/shop', '-n', 'team-web')
    assert.equal(code, 0)
    assert.match(output, /^Watches of other kinds: resting$/m)
    assert.match(output, /^ {2}suppressed +· what changed since resourceVersion \d+ is not in what the watch sends/m)
  })

  test('an object that the endpoint keeps refusing is parked', async () => {
    receiver.answerWith(({ items }) => (items.some(({ name }) => name === 'poison') ? { status: 422, body: 'no such zone' } : {}))
    simulator.create('services', service('poison', { namespace: 'team-web' }))
    await world.status(({ endpoints }) => endpoints.some(({ parked }) => parked.objects === 1), 'the parked object')
    const { code, output, verdict } = await inProd('service/poison', '-n', 'team-web', '--endpoint', 'dns')
    assert.equal(code, 1)
    assert.match(verdict, /^not told: parked of the endpoint dns: this object is parked after \d+ attempts?: .*422/, output)
    assert.match(output, /^ {2}parked +✗ .*, for .*, looked at again in/m)
    assert.equal((await inProd('service/shop', '-n', 'team-web', '--endpoint', 'dns')).code, 0, 'others go on')
  })

  test('a watch that is paused says where', async () => {
    const { code, verdict } = await inProd('cm/settings', '--endpoint', 'audit')
    assert.equal(code, 1)
    assert.equal(
      verdict,
      'not told: paused of the watch resting: the watch rests: it is as if it did not exist (watches/resting.yaml:7)',
    )
  })

  test('an object that does not exist, and a kind that no watch names, are said to be so', async () => {
    const absent = await inProd('service/nobody', '-n', 'team-web')
    assert.deepEqual([absent.code, absent.verdict], [1, 'not told: services team-web/nobody does not exist in prod'])
    assert.match(absent.output, /^absent: the API server has no such object$/m)
    const pods = await inProd('po/web-1', '-n', 'team-web')
    assert.deepEqual([pods.code, pods.verdict], [1, 'not told: no watch names the kind pods'])
    const forDns = await inProd('node/a', '--endpoint', 'dns')
    assert.equal(forDns.verdict, 'not told: no watch that names the endpoint dns names the kind nodes (watches/lb.yaml:5)')
  })

  test('names that nobody knows are refused with what was probably meant', async () => {
    assert.match(
      (await why('service/shop', '--cluster', 'prd')).output,
      /expected the name of a declared Cluster, got "prd" \(did you mean 'prod'\?\)/,
    )
    assert.match((await inProd('service/shop', '--endpoint', 'dnss')).output, /got "dnss" \(did you mean 'dns'\?\)/)
    assert.match(
      (await inProd('servce/shop')).output,
      /expected a kind that a watch names.*got "servce" \(did you mean 'services'\?\)/,
    )
    const usage = await inProd('shop')
    assert.equal(usage.code, 2)
  })

  test('with -o json a script reads the same', async () => {
    const { code, output } = await inProd('service/a', '-n', 'web', '--endpoint', 'dns', '-o', 'json')
    assert.equal(code, 1)
    const { told, at, watches } = JSON.parse(output)
    assert.deepEqual([told, at], [false, { file: 'watches/lb.yaml', line: 8, column: 5 }])
    const check = watches[0].checks.find(({ about }: { about: string }) => about === 'namespaces')
    assert.deepEqual([check.mark, check.detail], ['no', '"web" not in [lab, team-*]'])
  })

  test('without its agent, what the hub alone knows is told, and that nobody could be asked', async () => {
    const never = await why('service/shop', '-n', 'team-web', '--cluster', 'away')
    assert.match(never.verdict, /^not told: agent of the cluster away: no agent has joined: 'watch-hub cluster token away'/)
    await world.agent('prod').end('SIGTERM')
    await world.status(({ clusters }) => clusters.every(({ connected }) => !connected), 'that the agent is away')
    const { code, output, verdict } = await inProd('service/shop', '-n', 'team-web', '--endpoint', 'dns')
    assert.equal(code, 1)
    assert.match(verdict, /^not told: agent of the cluster prod: away, it was stopped/, output)
    assert.match(output, /^ {2}agent +✗ away, it was stopped: .*, for \d+s$/m)
    assert.match(output, /^ {2}namespaces +✓ "team-web" in/m)
    assert.match(output, /^ {2}when +\? the agent could not be asked \(watches\/lb\.yaml:10\)$/m)
    const wrong = await inProd('service/shop', '-n', 'web', '--endpoint', 'dns')
    assert.match(wrong.verdict, /^not told: namespaces of the watch load-balancers: "web" not in/)
  })
})
