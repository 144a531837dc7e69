import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { Webhook } from 'standardwebhooks'
import { runCli } from './program.ts'
import { failing } from './receive.ts'
import { recordingIo } from './testing/recording-io.ts'

/** `watch-hub receive` on a free port, and a way to deliver to it. */
async function receiving(...argv: readonly string[]) {
  const io = recordingIo()
  const run = runCli(['receive', '--port', '0', ...argv], io)
  await io.seen('listening on')
  const url = /listening on (\S+),/.exec(io.lines.err[0] ?? '')?.[1] ?? ''
  return {
    io,
    deliver: async (body: unknown, path = '/hooks', headers: Readonly<Record<string, string>> = {}) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const response = await fetch(`${url}${path}`, { method: 'POST', body: text, headers })
      return { status: response.status, answer: await response.json() }
    },
    /** Lines without their time. */
    printed: () => io.lines.out.map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}/, '')),
    [Symbol.asyncDispose]: async () => {
      io.interrupt()
      await run
    },
  }
}

const item = (sequence: number, change: object = {}) => ({
  id: String(sequence).padStart(20, '0'),
  type: 'updated',
  sequence: String(sequence).padStart(20, '0'),
  time: '2026-11-23T12:00:00.000Z',
  cluster: { name: 'east', uid: 'c1', labels: {}, metadata: {} },
  watches: ['w'],
  resource: { group: '', version: 'v1', kind: 'Service', resource: 'services', namespace: 'web', name: 'shop', uid: 'u1' },
  object: {},
  ...change,
})
const delivery = (...items: readonly unknown[]) => ({ version: '1', id: 'b1', endpoint: 'dns', metadata: {}, items })

test('receive prints a line per event, in the format of Watch Hub', async () => {
  await using r = await receiving()
  const node = { kind: 'Node', name: 'n1', uid: 'u2' }
  const { status } = await r.deliver(delivery(item(1, { type: 'created', reason: 'initial' }), item(2, { resource: node })))
  assert.equal(status, 200)
  assert.deepEqual(r.printed(), ['dns  created (initial)  east  Service web/shop', 'dns  updated  east  Node n1'])
})

test('receive keeps the rule of a receiver: what is not newer is accepted and ignored', async () => {
  await using r = await receiving('--show-stale')
  await r.deliver(delivery(item(5)))
  assert.equal((await r.deliver(delivery(item(5), item(4), item(6, { type: 'deleted' })))).status, 200)
  const known = 'dns  updated  east  Service web/shop  known already, ignored'
  assert.deepEqual(r.printed(), ['dns  updated  east  Service web/shop', known, known, 'dns  deleted  east  Service web/shop'])
})

test('receive tells where a scan ends', async () => {
  await using r = await receiving()
  const { resource: _, object: __, ...marker } = item(7, { type: 'synced', id: 's1-synced', scan: 's1' })
  const { status } = await r.deliver(delivery({ ...marker, count: 412 }, marker))
  assert.equal(status, 200)
  assert.deepEqual(r.printed(), ['dns  synced  east  watch w (412 objects)', 'dns  synced  east  watch w'])
})

test('receive does not print what is not newer unless it is asked to', async () => {
  await using r = await receiving()
  await r.deliver(delivery(item(5)))
  await r.deliver(delivery(item(5)))
  assert.equal(r.printed().length, 1)
})

test('receive says when a patch is of something that did not come here', async () => {
  await using r = await receiving()
  const patch = (sequence: number, base: number) => {
    const { object: _, ...rest } = item(sequence)
    return { ...rest, patch: {}, base: String(base).padStart(20, '0') }
  }
  await r.deliver(delivery(item(1), patch(2, 1), patch(4, 3)))
  const line = 'dns  updated  east  Service web/shop'
  assert.deepEqual(r.printed().slice(1), [line, `${line}  a patch of what did not come here`])
})

test('receive understands the format of Watch-Proxy', async () => {
  await using r = await receiving()
  const data = [
    {
      asset_type_id: 'svc',
      data: { kind: 'Service', metadata: { name: 'shop', namespace: 'web' } },
      uniqueId: 'east-u1',
      event: 'add',
    },
    { asset_type_id: '', data: {}, uniqueId: 'east-u2', event: 'delete' },
  ]
  await r.deliver({ data, meta: { cluster: 'east' } }, '/legacy')
  assert.deepEqual(r.printed(), ['/legacy  created  east  Service web/shop', '/legacy  deleted  east  east-u2'])
})

test('receive understands CloudEvents, one, by headers and many, and keeps its rule for them', async () => {
  await using r = await receiving()
  const event = (sequence: number, type: string, change: object = {}) => {
    const { sequence: padded, type: _, ...data } = item(sequence)
    return {
      ...{ specversion: '1.0', type: `dev.watch-hub.resource.${type}`, source: '/clusters/east', id: padded, sequence: padded },
      data: { endpoint: 'dns', ...data, ...change },
    }
  }
  await r.deliver(event(1, 'created', { reason: 'initial' }), '/hooks', { 'content-type': 'application/cloudevents+json' })
  const { data, ...attributes } = event(2, 'updated')
  const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]))
  await r.deliver(data, '/hooks', { ...headers, 'content-type': 'application/json' })
  const { resource: _, object: __, ...marker } = event(4, 'synced').data
  const many = [event(2, 'updated'), event(3, 'deleted'), { ...event(4, 'synced'), data: { ...marker, count: 1 } }]
  await r.deliver(many, '/hooks', { 'content-type': 'application/cloudevents-batch+json' })
  assert.deepEqual(r.printed(), [
    'dns  created (initial)  east  Service web/shop',
    'dns  updated  east  Service web/shop',
    'dns  deleted  east  Service web/shop',
    'dns  synced  east  watch w (1 object)',
  ])
  const foreign = { ...event(5, 'created'), type: 'com.example.other' }
  const refused = await r.deliver(foreign, '/hooks', { 'content-type': 'application/cloudevents+json' })
  assert.equal(refused.status, 400)
})

const secrets = ['a', 'b'].map((letter) => `whsec_${Buffer.alloc(32, letter).toString('base64')}`)
const signed = (body: string, secret = '', at = new Date()) => ({
  'webhook-id': 'b-1',
  'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
  'webhook-signature': new Webhook(secret).sign('b-1', at, body),
})

test('receive --secret believes what any of its secrets signed, and says so', async () => {
  await using r = await receiving('--secret', ...secrets)
  const body = JSON.stringify(delivery(item(1)))
  assert.equal((await r.deliver(body, '/hooks', signed(body, secrets[1]))).status, 200)
  assert.deepEqual(r.printed(), ['/hooks  b-1: the signature is valid', 'dns  updated  east  Service web/shop'])
})

test('receive --secret refuses with 401 what it cannot believe, says why and shows nothing of it', async () => {
  await using r = await receiving('--secret', ...secrets)
  const body = JSON.stringify(delivery(item(1)))
  const old = new Date(Date.now() - 3_600_000)
  const other = `whsec_${Buffer.alloc(32, 'c').toString('base64')}`
  for (const headers of [{}, signed(body, other), signed(`${body} `, secrets[0]), signed(body, secrets[0], old)])
    assert.equal((await r.deliver(body, '/hooks', headers)).status, 401)
  const said = [/^without webhook-id: .* not signed/, /no signature matches/, /no signature matches/, /one 36\d\d s behind$/]
  for (const [i, pattern] of said.entries()) assert.match(r.printed()[i]?.replace('/hooks  ', '') ?? '', pattern)
  assert.equal(r.printed().length, 4)
})

test('receive --secret reads a file, and refuses what is no signing secret without showing it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'watch-hub-receive-'))
  const file = join(folder, 'signing')
  await writeFile(file, `${secrets[0]}\n`)
  const body = JSON.stringify(delivery(item(1)))
  {
    await using r = await receiving('--secret', file, '-o', 'json')
    assert.equal((await r.deliver(body, '/hooks', signed(body, secrets[0]))).status, 200)
    assert.equal(r.io.lines.out.length, 1)
    assert.match(r.io.lines.err.join('\n'), /b-1: the signature is valid/)
  }
  await writeFile(file, 'correct horse')
  for (const [secret, why] of [
    [file, /--secret: expected a signing secret, whsec_/],
    [join(folder, 'absent'), /--secret: expected a file with a signing secret.*ENOENT/],
  ] as const) {
    const io = recordingIo()
    assert.notEqual(await runCli(['receive', '--port', '0', '--secret', secret], io), 0)
    const printed = io.lines.err.join('\n')
    assert.match(printed, why)
    assert.doesNotMatch(printed, /horse/)
  }
  await rm(folder, { recursive: true })
})

test('receive refuses what it does not understand with 400, and says why', async () => {
  await using r = await receiving()
  for (const body of ['{', '{}', delivery({ type: 'created' })]) {
    const { status, answer } = await r.deliver(body)
    assert.equal(status, 400)
    assert.equal(isRecord(answer) && answer.code, 'not-understood')
  }
  assert.match(r.printed()[2] ?? '', /^\/hooks {2}refused with 400: items\[0\]\.sequence: expected string, got nothing/)
})

test('receive -o json prints the items as they came, and nothing else to standard output', async () => {
  await using r = await receiving('-o', 'json', '--fail-first', '1')
  assert.equal((await r.deliver(delivery(item(1)))).status, 503)
  await r.deliver(delivery(item(1)))
  assert.deepEqual(
    r.io.lines.out.map((line): unknown => JSON.parse(line)),
    [item(1)],
  )
  assert.match(r.io.lines.err.join('\n'), /failed with 503, as told/)
})

test('receive counts in the end', async () => {
  const r = await receiving()
  await r.deliver(delivery(item(1), item(2)))
  await r[Symbol.asyncDispose]()
  assert.equal(r.io.lines.err.at(-1), 'received 2 events in 1 requests')
})

test('failing: a status alone fails all; a rate or a count fails their share with it, or with 503', () => {
  const none = { status: undefined, rate: undefined, first: undefined }
  const five = (failures: Partial<typeof none> | { status?: number; rate?: number; first?: number }, random = () => 0.4) =>
    [1, 2, 3].map(failing({ ...none, ...failures }, random))
  assert.deepEqual(five({}), [undefined, undefined, undefined])
  assert.deepEqual(five({ status: 429 }), [429, 429, 429])
  assert.deepEqual(five({ first: 2 }), [503, 503, undefined])
  assert.deepEqual(five({ first: 1, status: 500 }), [500, undefined, undefined])
  assert.deepEqual(five({ rate: 0.5 }), [503, 503, 503])
  assert.deepEqual(five({ rate: 0.3 }), [undefined, undefined, undefined])
  assert.deepEqual(
    five({ rate: 0 }, () => 0),
    [undefined, undefined, undefined],
  )
})
