/**
 * A canary in every secret, receivers that say back what they were told in every way there is, and a search: in what the hub logs, stores,
 * answers, traces and sends elsewhere no secret is found, the old ones as little as those that took their place meanwhile.
 */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { array, object, string } from '@watch-hub/shared/protocol/decode'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { type Canaries, canary, sighted, sightedIn } from '../support/canary.ts'
import { certificate } from '../support/certificate.ts'
import { startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo } from '../support/git-repo.ts'
import { echo } from '../support/hostile-receiver/hostilities.ts'
import {
  type Encounter,
  type HostileReceiver,
  type Hostility,
  startHostileReceiver,
} from '../support/hostile-receiver/receiver.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'
import { startOtlpReceiver } from '../support/otlp-receiver.ts'
import { startWorld, type World } from '../support/world.ts'

const authority = certificate({ commonName: 'private authority', hosts: [] })
const client = () => certificate({ commonName: 'hub', issuer: authority })

/** File below the secrets folder → canary. */
function secretFiles() {
  const signing = () => `whsec_${Buffer.from(canary('signing')).toString('base64').slice(0, 48)}`
  const { cert, key } = client()
  const secrets = {
    'basic/username': canary('username'),
    'basic/password': canary('password'),
    'basic/api-key': canary('api-key'),
    bearer: canary('bearer'),
    'signing/old': signing(),
    'signing/new': signing(),
    'oauth/id': canary('client-id'),
    'oauth/secret': canary('client-secret'),
    'tls/key': key,
  }
  return { secrets, plain: { 'tls/ca': authority.cert, 'tls/certificate': cert } }
}

const secret = (name: string) => ({ secret: name })

/** Endpoint → what of it is special. */
const specs = (tokenUrl: string) => ({
  basic: {
    auth: { basic: { username: secret('basic/username'), password: secret('basic/password') } },
    headers: { 'X-Api-Key': secret('basic/api-key') },
  },
  bearer: {
    auth: { bearer: secret('bearer') },
    signing: { secrets: [secret('signing/new'), secret('signing/old'), { env: 'SIGNING' }] },
  },
  oauth: { auth: { oauth2: { tokenUrl, clientId: secret('oauth/id'), clientSecret: secret('oauth/secret') } } },
  mtls: { tls: { ca: secret('tls/ca'), certificate: secret('tls/certificate'), key: secret('tls/key') } },
})
type EndpointName = keyof ReturnType<typeof specs>
const names: readonly EndpointName[] = ['basic', 'bearer', 'oauth', 'mtls']

/** What each of those may be sent; nothing else may be sent to anybody. */
const travelling: Readonly<Record<EndpointName | 'issuer', RegExp>> = {
  basic: /^basic\//,
  bearer: /^bearer/,
  oauth: /^token-/,
  mtls: /^$/,
  issuer: /^oauth\//,
}

type Request = Encounter['request']

/** The secrets that came, as they came. */
const told = ({ headers }: Request): string =>
  [headers.authorization, headers['x-api-key'], headers['webhook-signature']].filter((value) => value !== undefined).join(' ')

/** What basic authentication was before its encoding. */
const decoded = ({ headers }: Request): string =>
  Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64')
    .toString('latin1')
    .replace(/[^\x20-\x7e]/g, '')

const saying =
  (
    status: number,
    text: (request: Request) => string,
    headers: (request: Request) => Record<string, string> = () => ({}),
  ): Hostility =>
  async ({ read, request, response }) => {
    await read()
    response.writeHead(status, headers(request)).end(text(request))
  }

/** Says what it was told where no word is expected. */
const inReason: Hostility = async ({ read, request, response }) => {
  await read()
  response.writeHead(503, told(request), { 'retry-after': told(request), 'content-type': told(request) }).end()
}
const noHttp: Hostility = async ({ read, request, socket }) => {
  await read()
  socket.end(`${told(request)} ${decoded(request)}\r\n\r\n`)
}
const namingEvents: Hostility = async ({ read, request, response }) => {
  const ids = [...(await read()).matchAll(/"id":"(?<id>\d+)"/g)].map((match) => match.groups?.id)
  ids.push(told(request))
  response.end(
    JSON.stringify({ failures: ids.map((id) => ({ id, message: `${told(request)} ${decoded(request)}`, retry: true })) }),
  )
}

const echoes: readonly Hostility[] = [
  echo(500),
  saying(500, (request) => `${told(request)} ${decoded(request)}`),
  saying(500, (request) => encodeURIComponent(told(request))),
  saying(500, (request) => `${'x'.repeat(16 * 1024 - 44)}${told(request)}`),
  saying(500, (request) => `${'x'.repeat(256)}${told(request)}`),
  saying(307, told, (request) => ({
    location: `https://elsewhere.example/${encodeURIComponent(told(request))}/${decoded(request)}`,
  })),
  inReason,
  noHttp,
  namingEvents,
]

/** Blames one object, and takes the others. */
const attentive: Hostility = async (encounter) => {
  const body = await encounter.read()
  await echo(body.includes('"name":"poison"') ? 400 : 200)({ ...encounter, read: async () => body })
}

interface Issuer extends AsyncDisposable {
  readonly server: HostileReceiver
  /** All that it ever gave. */
  readonly tokens: Record<string, string>
}

/** Each request gets another token, the first ones an echo. */
async function startIssuer(): Promise<Issuer> {
  const server = await startHostileReceiver()
  const tokens: Record<string, string> = {}
  server.meet(echo(400), inReason, noHttp)
  server.otherwise(async ({ read, response }) => {
    await read()
    const name = `token-${Object.keys(tokens).length}`
    const token = canary(name).replaceAll('"', '.')
    tokens[name] = token
    response.end(JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 60 }))
  })
  return { server, tokens, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

async function setUp() {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const secretsDir = join(dir, 'secrets')
  const proxyPassword = canary('proxy')
  const canaries: Record<string, string> = {
    proxyPassword,
    'env/signing': `whsec_${Buffer.alloc(32, canary('signing')).toString('base64')}`,
  }
  let rounds = 0
  const writeSecrets = async () => {
    const { secrets, plain } = secretFiles()
    const round = ++rounds
    for (const [file, value] of Object.entries(secrets)) canaries[`${file} of round ${round}`] = value
    for (const [file, value] of Object.entries({ ...secrets, ...plain })) {
      await mkdir(dirname(join(secretsDir, file)), { recursive: true })
      await writeFile(join(secretsDir, file), `${value}\n`)
    }
    return secrets
  }
  await writeSecrets()
  const issuer = scope.use(await startIssuer())
  const tls = { ...certificate({ issuer: authority }), clientsOf: authority.cert }
  const receivers = {
    basic: scope.use(await startHostileReceiver()),
    bearer: scope.use(await startHostileReceiver()),
    oauth: scope.use(await startHostileReceiver()),
    mtls: scope.use(await startHostileReceiver({ tls })),
  }
  const repo = scope.use(await createGitRepo())
  const cluster = scope.use(await startSimulatedCluster('prod', dir))
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  for (const name of names) {
    const spec = {
      url: receivers[name].url,
      timeout: '2s',
      retry: { maxAge: '1s' },
      batch: { maxWait: '0s' },
      ...specs(issuer.server.url)[name],
    }
    await repo.write(`${name}.yaml`, manifest('Endpoint', name, spec))
  }
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: names }))
  await repo.commit('config')
  const lines: string[] = []
  const collector = scope.use(await startOtlpReceiver())
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_BSP_SCHEDULE_DELAY: '200',
    WATCH_HUB_SECRET_SIGNING: canaries['env/signing'] ?? '',
    WATCH_HUB_EGRESS_PROXY: `http://hub:${encodeURIComponent(proxyPassword)}@127.0.0.1:9`,
    WATCH_HUB_NO_PROXY: '127.0.0.1',
  }
  const hub = { args: ['--log-level', 'debug'], env }
  const world = scope.use(await startWorld({ dir, repo: repo.url, secretsDir, hub, onLog: (_, line) => lines.push(line) }))
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  const owned = scope.move()
  const all = (): Canaries => ({ ...canaries, ...issuer.tokens })
  return {
    ...{ dir, secretsDir, cluster, receivers, issuer, collector, world, lines, writeSecrets, canaries: all },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface Letter {
  readonly id: string
  readonly endpoint: string
}
const page = object({ letters: array(object({ id: string, endpoint: string })) })

/** The dead letters, once each endpoint has its own. */
async function givenUp(world: World): Promise<readonly Letter[]> {
  for (let i = 0; i < 300; i++) {
    const { letters } = page.decode(await world.api('/dead-letters'))
    if (names.every((name) => letters.some(({ endpoint }) => endpoint === name))) return letters
    await sleep(200)
  }
  throw new Error('expected a dead letter of each endpoint within a minute')
}

/** All that the hub answers, by command. */
async function answers(world: World, letters: readonly Letter[]): Promise<Readonly<Record<string, string>>> {
  const commands = [
    ['status'],
    ['status', '-o', 'json'],
    ['endpoint', 'list'],
    ['dead-letters', 'list'],
    ['dead-letters', 'list', '-o', 'json'],
    ...names.flatMap((name) => [
      ['endpoint', 'show', name],
      ['endpoint', 'show', name, '-o', 'json'],
      ['endpoint', 'attempts', name, '--limit', '1000'],
      ['endpoint', 'attempts', name, '--limit', '1000', '-o', 'json'],
    ]),
  ]
  const found: Record<string, string> = {}
  for (const command of commands) {
    const { code, output } = await world.cli(...command)
    assert.equal(code, 0, `${command.join(' ')}: ${output}`)
    found[command.join(' ')] = output
  }
  for (const { id } of letters)
    for (const format of ['text', 'json'])
      found[`dead-letters show ${id} -o ${format}`] = (await world.cli('dead-letters', 'show', id, '-o', format)).output
  found.metrics = await (await fetch(`${world.url}/metrics`)).text()
  return found
}

/** Goes on making objects until what is told of them is as wanted. */
async function tellUntil({ cluster, receivers }: Awaited<ReturnType<typeof setUp>>, wanted: () => boolean): Promise<void> {
  for (let i = 0; !wanted(); i++) {
    assert.ok(i < 100, 'secrets are read again when they change')
    await cluster.client.create('services', service(`late-${i}`))
    const isTold = ({ heard }: HostileReceiver) => heard.some(({ body }) => body?.includes(`"name":"late-${i}"`))
    for (const name of names) await receivers[name].waitFor(isTold, `late-${i} at ${name}`, 60_000)
  }
}

const requestText = ({ path, headers, body }: HostileReceiver['heard'][number]): string =>
  [path, ...Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`), body ?? ''].join('\n')
const heardText = ({ heard }: HostileReceiver): string => heard.map(requestText).join('\n\n')

test('no secret is found in what the hub logs, stores, answers, traces or sends elsewhere, whatever receivers say back', async () => {
  await using on = await setUp()
  const { world, receivers, issuer, cluster } = on
  for (const name of names) {
    receivers[name].otherwise(attentive)
    receivers[name].meet(...echoes.slice(0, 2), namingEvents)
  }
  await cluster.client.create('services', service('shop'))
  await cluster.client.create('services', service('poison'))
  for (const name of names)
    await receivers[name].waitFor(
      ({ heard }) => heard.some(({ body }) => body?.includes('"name":"shop"')),
      `shop at ${name}`,
      60_000,
    )

  const samples: string[] = []
  for (const name of names)
    for (const one of echoes) {
      receivers[name].meet(one)
      samples.push(JSON.stringify(await world.api(`/endpoints/${name}/test`, 'POST', {})))
    }
  assert.match(samples.join('\n'), /\*\*\*/)

  const renewed = await on.writeSecrets()
  await tellUntil(on, () => {
    const { 'basic/password': password, 'basic/api-key': key, bearer, 'oauth/secret': client } = renewed
    const came = [
      sighted(heardText(receivers.basic), { password, key }),
      sighted(heardText(receivers.bearer), { bearer }),
      sighted(heardText(issuer.server), { client }),
    ]
    return came.flat().length === 4
  })

  const letters = await givenUp(world)
  const answered = await answers(world, letters)
  for (const { id, endpoint } of letters)
    if (endpoint !== 'mtls')
      assert.match(answered[`dead-letters show ${id} -o json`] ?? '', /\*\*\*/, `what ${endpoint} said is kept`)
  assert.equal(await world.hub().end('SIGTERM'), 0)
  const canaries = on.canaries()

  const spans = JSON.stringify(on.collector.spans, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  assert.match(spans, /deliver bearer.*deliver mtls|deliver mtls.*deliver bearer/, 'attempts are traced')
  const places = { ...answered, spans, samples: samples.join('\n'), logs: on.lines.join('\n') }
  const shown = Object.entries(places).flatMap(([place, text]) => sighted(text, canaries).map((name) => `${name} in ${place}`))
  assert.deepEqual(shown, [])
  assert.deepEqual(await sightedIn(world.dataDir, canaries), {})
  assert.deepEqual(await sightedIn(join(on.dir, 'agent-prod'), canaries), {})

  const servers = { ...receivers, issuer: issuer.server }
  for (const name of [...names, 'issuer'] as const) {
    const came = sighted(heardText(servers[name]), canaries)
    assert.deepEqual(
      came.filter((each) => !travelling[name].test(each)),
      [],
      `sent to ${name}`,
    )
    if (name !== 'mtls') assert.notEqual(came.length, 0, `a search that finds what was sent to ${name}`)
  }
  assert.equal(Object.keys(await sightedIn(on.secretsDir, canaries)).length, 9, 'a search that finds what is in files')
  assert.ok(receivers.mtls.heard.every(({ shownBy }) => shownBy === 'hub'))
})
