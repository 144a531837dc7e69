/** The example of docs/receivers.md, run as its readers run it: whatever happens to it, its table comes to be what the cluster holds. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { array, type Decoded, json, object, record, string } from '@watch-hub/shared/protocol/decode'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { startSimulatedCluster } from '../support/cluster.ts'
import { createGitRepo } from '../support/git-repo.ts'
import { manifest } from '../support/manifest.ts'
import { service } from '../support/objects.ts'
import { type Program, startProgram } from '../support/program.ts'
import { freePort, startWorld } from '../support/world.ts'

const example = fileURLToPath(new URL('../../hub/docs/example-receiver.mjs', import.meta.url))
const rows = array(object({ name: string, sequence: string, object: record(json) }))
type Rows = Decoded<typeof rows>

const secrets = ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'Pm9Xc1vYh2uT5sQ7wR4eA8dK0jL6nB3z'].map((key) => `whsec_${key}`)
const ref = (name: string) => ({ resource: 'services', namespace: 'default', name })

interface Stage {
  readonly dir: string
  readonly port: number
}

async function start({ dir, port }: Stage, ...args: readonly string[]): Promise<Program> {
  const program = startProgram(example, ['--port', String(port), '--table', join(dir, 'table.db'), ...args])
  await program.line((line) => line.startsWith('listening on '), 'listening example')
  return program
}

/** Looks at the table until it is as wanted. */
async function table({ port }: Stage, wanted: (held: Rows) => boolean, what: string): Promise<Rows> {
  const until = performance.now() + 30_000
  for (;;) {
    const held = rows.decode(await (await fetch(`http://127.0.0.1:${port}/objects`)).json())
    if (wanted(held)) return held
    if (performance.now() > until) throw new Error(`${what}: not within 30 s, but ${JSON.stringify(held)}`)
    await sleep(50)
  }
}

const names = (held: Rows) => held.map(({ name }) => name.replace('default/', '')).join()
const labelled = (held: Rows, name: string, tier: string) =>
  held.some((each) => each.name === `default/${name}` && JSON.stringify(each.object.metadata).includes(`"tier":"${tier}"`))

test('the example receiver holds what the cluster holds, through patches, restarts, lost data and new secrets', async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-example-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const stage = { dir, port: await freePort() }
  const [oldFile, newFile] = [join(dir, 'secrets', 'old'), join(dir, 'secrets', 'new')]
  await mkdir(join(dir, 'secrets'))
  await writeFile(oldFile, secrets[0] ?? '')
  await writeFile(newFile, `${secrets[1]}\n`)
  const repo = scope.use(await createGitRepo())
  const cluster = scope.use(await startSimulatedCluster('prod', dir))
  for (const name of ['a', 'b', 'c']) await cluster.client.create('services', service(name))
  const endpoint = (...signing: readonly string[]) =>
    repo.write(
      'out.yaml',
      manifest('Endpoint', 'out', {
        url: `http://127.0.0.1:${stage.port}/hooks`,
        signing: { secrets: signing.map((secret) => ({ secret })) },
        batch: { maxWait: '0s' },
        delta: true,
        markers: true,
      }),
    )
  await repo.write('cluster.yaml', manifest('Cluster', 'prod', {}))
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out'] }))
  await endpoint('old')
  await repo.commit('config')

  let example = scope.use(await start(stage, '--secret-file', oldFile))
  const world = scope.use(await startWorld({ dir, repo: repo.url, secretsDir: join(dir, 'secrets') }))
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await table(stage, (held) => names(held) === 'a,b,c', 'what exists')
  await example.line((line) => line.includes('watch all of prod is complete; 0 objects were swept'), 'the marker')

  for (const tier of ['silver', 'gold']) {
    await cluster.client.patch(ref('a'), { metadata: { labels: { tier } } })
    await table(stage, (held) => labelled(held, 'a', tier), tier)
  }
  await cluster.client.delete(ref('b'))
  await table(stage, (held) => names(held) === 'a,c', 'a deletion')

  await example.end('SIGKILL')
  await cluster.client.create('services', service('d'))
  example = scope.use(await start(stage, '--secret-file', oldFile))
  await table(stage, (held) => names(held) === 'a,c,d', 'what happened while it was down')

  await example.end('SIGTERM')
  await rm(join(dir, 'table.db'))
  example = scope.use(await start(stage, '--secret-file', oldFile))
  await cluster.client.patch(ref('c'), { metadata: { labels: { tier: 'late' } } })
  const { code, output } = await world.cli('endpoint', 'resync', 'out')
  assert.equal(code, 0, output)
  await table(stage, (held) => names(held) === 'a,c,d' && labelled(held, 'c', 'late'), 'a table that was lost')

  await endpoint('old', 'new')
  await repo.commit('the hub signs with both')
  await example.end('SIGTERM')
  example = scope.use(await start(stage, '--secret-file', newFile))
  await cluster.client.create('services', service('e'))
  await table(stage, (held) => names(held) === 'a,c,d,e', 'what the new secret signed')
})

test('what the example cannot take waits or is given up alone, and what it lost heals without an operator', async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-example-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const stage = { dir, port: await freePort() }
  await mkdir(join(dir, 'secrets'))
  const repo = scope.use(await createGitRepo())
  const cluster = scope.use(await startSimulatedCluster('prod', dir))
  const large = { ...service('large'), status: { text: 'x'.repeat(3_000) } }
  for (const each of [service('a'), large, service('z')]) await cluster.client.create('services', each)
  const out = { url: `http://127.0.0.1:${stage.port}/hooks`, batch: { maxWait: '0s' }, delta: true }
  await repo.write('config.yaml', `${manifest('Cluster', 'prod', {})}---\n${manifest('Endpoint', 'out', out)}`)
  await repo.write('watch.yaml', manifest('Watch', 'all', { resources: ['services'], endpoints: ['out'] }))
  await repo.commit('config')
  const example = scope.use(await start(stage, '--max-object-bytes', '2000'))
  const world = scope.use(await startWorld({ dir, repo: repo.url, secretsDir: join(dir, 'secrets') }))
  await world.status(({ config }) => config.live !== undefined, 'config')
  await world.startAgent(cluster)
  await table(stage, (held) => names(held) === 'a,z', 'all but the large one')
  await example.line((line) => line.includes('expected an object of at most 2000 bytes'), 'a named failure')
  const { output } = await world.cli('dead-letters', 'list', '-o', 'json')
  assert.match(output, /"name": "large"/)
  await cluster.client.patch(ref('large'), { status: { text: 'small' } })
  await table(stage, (held) => names(held) === 'a,large,z', 'the large one, once it is small')

  await cluster.client.patch(ref('a'), { metadata: { labels: { tier: 'silver' } } })
  await table(stage, (held) => labelled(held, 'a', 'silver'), 'a patch')
  {
    using db = new DatabaseSync(join(dir, 'table.db'))
    db.exec("UPDATE objects SET sequence = printf('%020d', 1) WHERE name = 'default/a'")
  }
  await cluster.client.patch(ref('a'), { metadata: { labels: { tier: 'gold' } } })
  await example.line((line) => /not taken: .*expected to hold/.test(line), 'a patch of what was lost')
  await cluster.client.patch(ref('z'), { metadata: { labels: { tier: 'gold' } } })
  await table(stage, (held) => labelled(held, 'z', 'gold'), 'what has nothing to do with it')
  await table(stage, (held) => labelled(held, 'a', 'gold'), 'the object, told whole')
})

test('a marker of the example sweeps what its own scan did not tell, whatever else told it meanwhile', async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-example-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const stage = { dir, port: await freePort() }
  scope.use(await start(stage))
  const cluster = { name: 'prod', uid: 'prod-uid' }
  const told = (prefix: string, sequence: number, name: string, reason?: string, watches: readonly string[] = ['one', 'two']) => {
    const padded = String(sequence).padStart(20, '0')
    const resource = { namespace: 'default', name, uid: name }
    return {
      cluster,
      watches,
      id: `${prefix}${padded}`,
      type: 'updated',
      reason,
      sequence: padded,
      resource,
      object: { sequence },
    }
  }
  const synced = (scan: string, watch: string) => {
    const since = String(10).padStart(20, '0')
    return { cluster, watches: [watch], id: `${scan}-synced`, type: 'synced', sequence: since, scan, since }
  }
  const scans = ['3f6f0a52-first', '9b1c77de-second']
  const post = async (...items: readonly object[]) => {
    const body = JSON.stringify({ version: '1', items })
    const { status } = await fetch(`http://127.0.0.1:${stage.port}/`, { method: 'POST', body })
    assert.equal(status, 204)
  }
  await post(
    ...['both', 'first', 'second', 'replayed', 'none', 'none-replayed', 'passed-on'].map((name, i) => told('', i + 1, name)),
  )
  await post(told(`${scans[0]}-`, 1, 'both', 'resync'), told(`${scans[0]}-`, 2, 'first', 'resync'))
  await post(told(`${scans[1]}-`, 1, 'both', 'resync'), told(`${scans[1]}-`, 3, 'second', 'resync'))
  await post(told(`${scans[0]}-`, 4, 'replayed', 'resync'), told('5d3e-replay-', 4, 'replayed', 'replay'))
  await post(told('5d3e-replay-', 6, 'none-replayed', 'replay'), told('', 11, 'new'))
  await post(told('earlier-', 7, 'passed-on', 'initial', ['two']))
  await post(synced(scans[0] ?? '', 'one'))
  await table(stage, (held) => names(held) === 'both,first,new,passed-on,replayed', 'what the first scan told, and what is new')
  await post(synced(scans[1] ?? '', 'two'))
  await table(stage, (held) => names(held) === 'both,new', 'what the second scan told, and what is new')
})
