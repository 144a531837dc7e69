/** The admin commands, each as a command line against a real server with a made-up hub behind it. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { fakeDetail, fakeStatus, row } from '../http/testing/fake-view.ts'
import { runCli } from './program.ts'
import { recordingIo } from './testing/recording-io.ts'
import { token, world } from './testing/world.ts'

const parsed = (lines: readonly string[]): unknown => JSON.parse(lines.join('\n'))

test('status shows config, clusters, streams and endpoints; as JSON it is the whole', async () => {
  await using w = await world()
  const { lines, code } = await w.run(['status'])
  const text = lines.out.join('\n')
  for (const part of [
    'REJECTED 9ab12cd000',
    'watches/lb.yaml:12:5 spec.when: expected CEL',
    'syncing 1200/5000',
    'not joined',
    'retrying',
  ])
    assert.ok(text.includes(part), `${part} in\n${text}`)
  assert.equal(code, undefined)
  assert.deepEqual(parsed((await w.run(['status', '-o', 'json'])).lines.out), fakeStatus)
})

test('status --watch goes on, below each other in a pipe, until it is interrupted', async () => {
  await using w = await world()
  const io = recordingIo({ env: w.env, cwd: w.cwd })
  const run = runCli(['status', '--watch'], io)
  await io.seen('Hub     http')
  w.view.state = { ...fakeStatus, endpoints: [] }
  await io.seen('No endpoints')
  io.interrupt()
  await run
  assert.equal(io.code, undefined)
})

test('status --watch redraws a terminal in place, within its size, and outlives a hub that is away', async () => {
  await using w = await world()
  const frames: string[] = []
  const drawn = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<void>()
  const screen = {
    rows: 6,
    columns: 70,
    write: (text: string) => {
      frames.push(text)
      drawn.resolve()
      if (text.includes('nothing listens')) failed.resolve()
    },
  }
  const io = recordingIo({ env: w.env, cwd: w.cwd, screen })
  const run = runCli(['status', '-w'], io)
  await drawn.promise
  await w.server[Symbol.asyncDispose]()
  await failed.promise
  io.interrupt()
  await run
  const [first = ''] = frames
  assert.ok(first.startsWith('\u001b[H') && first.endsWith('\u001b[J'))
  const shown = first.slice(3, -3).trimEnd().split('\u001b[K\n')
  assert.equal(shown.filter((line) => line !== '').length <= 5, true)
  assert.ok(shown.every((line) => line.replace('\u001b[K', '').length <= 70))
  assert.deepEqual(io.lines, { out: [], err: [] })
})

test('cluster list, endpoint list: tables for people, JSON for scripts', async () => {
  await using w = await world()
  assert.match((await w.run(['cluster', 'list'])).lines.out[0] ?? '', /^CLUSTER +STATE +FOR +OBJECTS +STREAM/)
  assert.deepEqual(parsed((await w.run(['cluster', 'list', '-o', 'json'])).lines.out), fakeStatus.clusters)
  assert.match((await w.run(['endpoint', 'list'])).lines.out[0] ?? '', /^ENDPOINT +STATE +FOR +BACKLOG/)
  assert.deepEqual(parsed((await w.run(['endpoint', 'list', '--output', 'json'])).lines.out), fakeStatus.endpoints)
})

test('endpoint show: sentences for people, JSON for scripts, and an endpoint that is not there is named', async () => {
  await using w = await world()
  assert.equal((await w.run(['endpoint', 'show', 'dns'])).lines.out[0], 'Endpoint      dns')
  assert.deepEqual(parsed((await w.run(['endpoint', 'show', 'dns', '-o', 'json'])).lines.out), {
    ...fakeStatus.endpoints[0],
    ...fakeDetail,
  })
  const { lines, code } = await w.run(['endpoint', 'show', 'none'])
  assert.deepEqual([lines.err[0], code], ['error: expected the name of a known endpoint, got "none"', 1])
})

test('cluster token prints the command to run; as JSON exactly cluster, token, expiresAt and command', async () => {
  await using w = await world()
  const command = 'npx watch-hub-agent --hub https://hub.example.com --cluster prod-us-1 --join-token whj_secret'
  const text = await w.run(['cluster', 'token', 'prod-us-1', '--ttl', '5m', '--replace'])
  assert.ok(text.lines.out.includes(`  ${command}`))
  const { lines } = await w.run(['cluster', 'token', 'prod-us-1', '-o', 'json'])
  assert.deepEqual(parsed(lines.out), {
    cluster: 'prod-us-1',
    token: 'whj_secret',
    expiresAt: '2026-11-23T12:30:00.000Z',
    command,
  })
  assert.deepEqual(w.view.calls, [
    ['issueToken', 'prod-us-1', { ttlMs: 300_000, replace: true }],
    ['issueToken', 'prod-us-1', { ttlMs: 1_800_000, replace: false }],
  ])
})

test('cluster token -o yaml prints manifests that hold hub, name and token', async () => {
  await using w = await world()
  const text = (await w.run(['cluster', 'token', 'prod-us-1', '-o', 'yaml'])).lines.out.join('\n')
  for (const line of ['  WATCH_HUB_URL: "https://hub.example.com"', '  WATCH_HUB_CLUSTER: "prod-us-1"', '  token: "whj_secret"'])
    assert.ok(text.split('\n').includes(line), line)
})

test('a token that is refused gives the reason and exit code 1', async () => {
  await using w = await world()
  w.view.issued = { kind: 'refused', code: 'undeclared', message: 'commit a manifest with kind: Cluster first' }
  const { lines, code } = await w.run(['cluster', 'token', 'nope'])
  assert.deepEqual([lines.out, lines.err, code], [[], ['error: commit a manifest with kind: Cluster first'], 1])
})

test('revoke, pause and resume say what they did; the hub is told who', async () => {
  await using w = await world()
  assert.match((await w.run(['cluster', 'revoke', 'prod-eu-1'])).lines.out[0] ?? '', /^revoked:/)
  assert.match((await w.run(['endpoint', 'pause', 'dns'])).lines.out[0] ?? '', /^paused:/)
  assert.match((await w.run(['endpoint', 'resume', 'dns'])).lines.out[0] ?? '', /^resumed:/)
  const unknown = await w.run(['endpoint', 'pause', 'no/such'])
  assert.deepEqual([unknown.lines.err, unknown.code], [['error: expected the name of a known endpoint, got "no/such"'], 1])
  assert.deepEqual(w.view.calls, [
    ['revoke', 'prod-eu-1'],
    ['pause', 'dns', { by: 'ann' }],
    ['resume', 'dns'],
    ['pause', 'no/such', { by: 'ann' }],
  ])
})

test('endpoint resync says what began, what was passed over and where to look; what does not go together is refused', async () => {
  await using w = await world()
  const say = async (...flags: readonly string[]) => (await w.run(['endpoint', 'resync', 'dns', ...flags])).lines.out[0]
  const look = "'watch-hub endpoint show dns' and 'watch-hub status' show how far it is."
  assert.equal(await say('--watch', 'lb', '--cluster', 'prod-eu-1'), `resync: 2 scans began. ${look}`)
  w.view.resynced = { begun: 0, running: 1, dropped: 0 }
  assert.equal(await say(), `resync: 1 first scan under way will tell the same. ${look}`)
  w.view.resynced = { begun: 1, running: 1, dropped: 5 }
  const passed = '5 waiting events passed over, 1 scan began, 1 first scan under way began anew'
  assert.equal(await say('--drop-backlog'), `resync: ${passed}. ${look}`)
  w.view.resynced = { begun: 0, running: 0, dropped: 0 }
  const none = await w.run(['endpoint', 'resync', 'dns', '--watch', 'lb'])
  const expected = 'error: expected a watch that dns hears in a cluster, but it hears nothing of watch lb'
  assert.deepEqual([none.lines.err, none.code], [[expected], 1])
  const both = await w.run(['endpoint', 'resync', 'dns', '--drop-backlog', '--watch', 'lb'])
  assert.match(both.lines.err[0] ?? '', /--drop-backlog: expected no --watch and no --cluster with it/)
  assert.equal(both.code, 2)
  assert.deepEqual(w.view.calls.slice(0, 3), [
    ['resync', 'dns', { watch: 'lb', cluster: 'prod-eu-1', dropBacklog: false }],
    ['resync', 'dns', { dropBacklog: false }],
    ['resync', 'dns', { dropBacklog: true }],
  ])
})

test('fetch shows what the config repo says now; exit code 1 when its newest commit is refused', async () => {
  await using w = await world()
  const bad = await w.run(['fetch'])
  assert.equal(bad.code, 1)
  assert.match(bad.lines.out.join('\n'), /REJECTED/)
  const { rejected: _, ...good } = fakeStatus.config
  w.view.state = { ...fakeStatus, config: good }
  assert.equal((await w.run(['fetch'])).code, undefined)
})

test('events prints a line per row, as JSON the bytes of the hub, and passes on what to look for', async () => {
  await using w = await world()
  w.view.rows = async function* () {
    yield row(1, { body: '{"n":12345678901234567890,"text":"a\u2028b"}' })
    yield row(2, { cause: 'list', matches: [], routes: [] })
  }
  const text = (
    await w.run(['events', '--cluster', 'c', '--watch', 'w', '--endpoint', 'e', '--resource', 'pods', '--limit', '5'])
  ).lines.out
  assert.deepEqual(text, [
    '2026-11-23T12:00:00.005Z  00000000000000000001  prod-eu-1  modified  services web/shop  dns:updated',
    '2026-11-23T12:00:00.005Z  00000000000000000002  prod-eu-1  modified (found by comparing)  services web/shop  matches no watch',
  ])
  assert.deepEqual(w.view.calls[0]?.[1], { cluster: 'c', watch: 'w', endpoint: 'e', resource: 'pods', limit: 5, follow: false })
  const raw = (await w.run(['events', '-o', 'json'])).lines.out
  assert.match(raw[0] ?? '', /"object":\{"n":12345678901234567890,/)
})

test('events --follow prints rows as they come, and Ctrl-C is a good end', async () => {
  await using w = await world()
  const next = Promise.withResolvers<void>()
  w.view.rows = async function* (_filter, signal) {
    yield row(1)
    await next.promise
    yield row(2, { cluster: 'second' })
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  }
  const io = recordingIo({ env: w.env, cwd: w.cwd })
  const run = runCli(['events', '--follow'], io)
  await io.seen('prod-eu-1')
  next.resolve()
  await io.seen('second')
  io.interrupt()
  await run
  assert.deepEqual([io.code, io.lines.err], [undefined, []])
})

test('events --follow says so when the hub ends the stream, or breaks it', async () => {
  await using w = await world()
  const ended = await w.run(['events', '-f'])
  assert.match(ended.lines.err[0] ?? '', /^error: the hub at http:.* ended the stream/)
  w.view.rows = async function* () {
    yield row(1)
    throw new Error('gone')
  }
  const broken = await w.run(['events', '-f'])
  assert.match(broken.lines.err[0] ?? '', /could not go on with this stream/)
  assert.equal(broken.code, 1)
})

test('what names hold cannot steer the terminal', async () => {
  await using w = await world()
  const [first] = fakeStatus.endpoints
  assert.ok(first)
  w.view.state = { ...fakeStatus, endpoints: [{ ...first, reason: 'evil \u001b[2Jtext\u202e\nHub fine' }] }
  const text = (await w.run(['status'])).lines.out.join('\n')
  assert.ok(text.includes('evil \\u001b[2Jtext\\u202e Hub fine'))
})

test('without a flag the hub of a data folder is found: the demo first, then the local one, or the one named', async () => {
  await using w = await world()
  const env = {}
  await w.writeData('watch-hub-data', w.server.url)
  assert.equal((await w.run(['status'], { env })).code, undefined)
  await w.writeData('demo/hub-data', 'http://127.0.0.1:1')
  assert.match((await w.run(['status'], { env })).lines.err[0] ?? '', /127.0.0.1:1 does not answer/)
  assert.equal((await w.run(['status', '--data', 'watch-hub-data'], { env })).code, undefined)
  assert.equal((await w.run(['status'], { env: { WATCH_HUB_DATA: 'watch-hub-data' } })).code, undefined)
})

test('no hub: all places that were looked at are named, and what to do', async () => {
  await using w = await world()
  const { lines, code } = await w.run(['status'], { env: {} })
  assert.deepEqual(lines.err[0]?.split('\n'), [
    'error: no hub found. Looked for:',
    '  --hub or WATCH_HUB_URL: not set',
    `  ${w.cwd}/demo/hub-data/hub.json: no such file`,
    `  ${w.cwd}/watch-hub-data/hub.json: no such file`,
    "Start one with 'npm start' (the demo) or 'watch-hub serve', or name one with --hub URL and --token-file FILE.",
  ])
  assert.equal(code, 1)
})

test('a token file wins over WATCH_HUB_TOKEN, and a wrong one is named', async () => {
  await using w = await world()
  await writeFile(join(w.cwd, 'right'), `${token}\n`)
  await writeFile(join(w.cwd, 'wrong'), 'other')
  const env = { ...w.env, WATCH_HUB_TOKEN: 'other' }
  assert.equal((await w.run(['status', '--token-file', 'right'], { env })).code, undefined)
  const wrong = await w.run(['status', '--token-file', 'wrong'])
  assert.deepEqual(wrong.lines.err, [`error: the hub at ${w.server.url} does not know the admin token from ${w.cwd}/wrong`])
  const missing = await w.run(['status', '--token-file', 'none'])
  assert.match(missing.lines.err[0] ?? '', /^error: cannot read the admin token: ENOENT: .*none'$/)
})

test('the token of a data folder is never sent to another hub', async () => {
  await using w = await world()
  await w.writeData('watch-hub-data', 'http://127.0.0.1:1')
  const { lines } = await w.run(['status'], { env: { WATCH_HUB_URL: w.server.url } })
  assert.match(lines.err[0] ?? '', /^error: no admin token: give --token-file FILE or set WATCH_HUB_TOKEN/)
})

test('a hub that does not answer is named, with how to start one; something else that answers too', async () => {
  await using w = await world()
  await using other = createServer((_request, response) => response.writeHead(502).end('<html>'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  const elsewhere = `http://127.0.0.1:${isRecord(address) ? address.port : 0}`
  const down = await w.run(['status', '--hub', 'http://127.0.0.1:1'])
  assert.match(
    down.lines.err[0] ?? '',
    /^error: the hub at http:\/\/127.0.0.1:1 does not answer: nothing listens there. Start a hub with 'npm start'/,
  )
  const strange = await w.run(['status', '--hub', elsewhere])
  assert.deepEqual(strange.lines.err, [`error: ${elsewhere} answered 502 and gave no reason: is a Watch Hub there?`])
})

test('an interrupted command ends quietly, as shells expect', async () => {
  await using w = await world()
  w.view.status = () => new Promise(() => {})
  const io = recordingIo({ env: w.env, cwd: w.cwd })
  const run = runCli(['status'], io)
  io.interrupt()
  await run
  assert.deepEqual([io.code, io.lines], [130, { out: [], err: [] }])
})
