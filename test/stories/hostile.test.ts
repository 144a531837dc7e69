/** Receivers that behave badly, over real sockets and real TLS: each attempt comes to exactly one outcome, in time, and says what happened. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createEgress } from '@watch-hub/hub/delivery/egress'
import { openPost, type PostSettings } from '@watch-hub/hub/delivery/post'
import type { Outcome, Outgoing } from '@watch-hub/hub/delivery/send'
import type { Target } from '@watch-hub/hub/delivery/target'
import { certificate } from '../support/certificate.ts'
import {
  answer,
  askingToWait,
  chatter,
  closeInBody,
  deafness,
  echo,
  endlessHeaders,
  failing,
  hangUpAfterReading,
  hangUpBeforeReading,
  hastyAnswer,
  hugeAnswer,
  raw,
  redirect,
  resetAfterReading,
  resetInBody,
  silence,
  slowBody,
  slowHeaders,
} from '../support/hostile-receiver/hostilities.ts'
import { type HostileOptions, type Hostility, startHostileReceiver } from '../support/hostile-receiver/receiver.ts'

process.env.TZ = 'Asia/Tokyo' // dates of the oldest form say no zone and are not local

const batch: Outgoing = { id: 'b-1', endpoint: 'dns', events: 2, body: Buffer.from('{"items":[]}'), headers: {} }
const live = new AbortController().signal
const now = Date.UTC(2026, 10, 23, 12, 0, 0)
const secret = 'c4nary'

const targetOf = (url: string, more: Partial<Target> = {}): Target => ({
  url: new URL(url),
  headers: { authorization: `Bearer ${secret}` },
  mask: (text) => text.replaceAll(secret, '***'),
  ...more,
})

const settings: PostSettings = { timeoutMs: 5_000, egress: createEgress(['127.0.0.0/8']), now: () => now }

async function outcomeOf(hostility: Hostility, more: Partial<PostSettings> = {}): Promise<Outcome> {
  await using receiver = await startHostileReceiver()
  receiver.otherwise(hostility)
  await using post = openPost(targetOf(receiver.url), { ...settings, ...more })
  return await post.send(batch, live)
}

/** `kind`, and what of a failure matters, in one line. */
function summary(outcome: Outcome): string {
  if (outcome.kind === 'accepted') return `accepted ${outcome.status}`
  if (outcome.kind === 'changed') return outcome.kind
  if (outcome.kind === 'blocked') return `blocked: ${outcome.why.message}`
  const { kind, status = '' } = outcome.why
  const after = outcome.kind === 'try-later' && outcome.afterMs !== undefined ? ` after ${outcome.afterMs}` : ''
  return `${outcome.kind} ${kind} ${status}`.trimEnd() + after
}

const messageOf = (outcome: Outcome): string => ('why' in outcome ? outcome.why.message : '')

test('every status has its outcome by law 6', async () => {
  const exceptions = new Map([
    [400, 'refused http_4xx 400'],
    [415, 'refused http_4xx 415'],
    [422, 'refused http_4xx 422'],
    [410, 'gone http_4xx 410'],
    [413, 'oversize http_4xx 413'],
  ])
  const expected = (status: number): string => {
    if (status < 300) return `accepted ${status}`
    const kind = status < 400 ? 'redirect' : status < 500 ? 'http_4xx' : 'http_5xx'
    return exceptions.get(status) ?? `try-later ${kind} ${status}`
  }
  await using receiver = await startHostileReceiver()
  await using post = openPost(targetOf(receiver.url), settings)
  for (let status = 200; status < 600; status++) {
    receiver.meet(answer(status, { body: status === 204 || status === 304 ? '' : 'said' }))
    assert.equal(summary(await post.send(batch, live)), expected(status))
  }
  assert.equal(receiver.heard.length, 400)
})

test('an endpoint overrules the law by status or by class, the status first', async () => {
  const outcomes = { '4xx': 'accepted', '404': 'refused', '5xx': 'refused', '202': 'try-later', '3xx': 'gone' } as const
  const overruled = async (status: number) => summary(await outcomeOf(answer(status), { outcomes }))
  assert.equal(await overruled(404), 'refused http_4xx 404')
  assert.equal(await overruled(400), 'accepted 400')
  assert.equal(await overruled(503), 'refused http_5xx 503')
  assert.equal(await overruled(202), 'try-later http_2xx 202')
  assert.equal(await overruled(200), 'accepted 200')
  assert.equal(await overruled(302), 'gone redirect 302')
})

test('silence of every sort ends at the deadline', async () => {
  for (const hostility of [silence, deafness, slowHeaders, slowBody, chatter]) {
    const outcome = await outcomeOf(hostility, { timeoutMs: 60 })
    assert.equal(summary(outcome), 'try-later timeout', hostility.name)
    assert.match(messageOf(outcome), /^timeout: the request to 127\.0\.0\.1:\d+ took longer than 60 ms/)
  }
})

test('broken connections have names, and what came of an answer counts', async () => {
  const cases: readonly (readonly [what: string, hostility: Hostility, outcome: string])[] = [
    ['hangs up before reading', hangUpBeforeReading, 'try-later connection_reset'],
    ['hangs up after reading', hangUpAfterReading, 'try-later connection_reset'],
    ['resets after reading', resetAfterReading, 'try-later connection_reset'],
    ['accepts and resets in mid-body', resetInBody(200, '{"fail'), 'try-later connection_reset'],
    ['accepts and closes in mid-body', closeInBody(200, ''), 'try-later connection_reset'],
    ['refuses and resets in mid-body', resetInBody(422, 'bad n'), 'refused http_4xx 422'],
    ['fails and closes in mid-body', closeInBody(500, ''), 'try-later http_5xx 500'],
    ['answers 413 before the end of the request', hastyAnswer(413), 'oversize http_4xx 413'],
    ['speaks no HTTP', raw('220 mail.example ESMTP\r\n', 'close'), 'try-later network_error'],
    [
      'changes the protocol unasked',
      raw('HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
      'try-later connection_reset',
    ],
    ['has headers without end', endlessHeaders, 'try-later network_error'],
    ['contradicts itself', raw('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'), 'try-later network_error'],
    ['answers as in 1996', raw('HTTP/1.0 200 OK\r\n\r\nfine', 'close'), 'accepted 200'],
    [
      'answers twice',
      raw('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n'),
      'accepted 200',
    ],
  ]
  for (const [what, hostility, outcome] of cases) {
    await using receiver = await startHostileReceiver()
    receiver.otherwise(hostility)
    await using post = openPost(targetOf(receiver.url), settings)
    assert.equal(summary(await post.send(batch, live)), outcome, what)
    assert.equal(receiver.heard.length, 1, what)
  }
})

test('an answer of 10 MB is not read to its end, and is kept to 16 KiB', async () => {
  const failure = await outcomeOf(hugeAnswer(500, 10))
  assert.equal(summary(failure), 'try-later http_5xx 500')
  assert.ok('why' in failure && 'answer' in failure.why)
  assert.equal(failure.why.answer, 'x'.repeat(16 * 1024))
  assert.equal(summary(await outcomeOf(hugeAnswer(200, 10))), 'accepted 200')
  assert.equal(summary(await outcomeOf(hugeAnswer(200, Number.POSITIVE_INFINITY))), 'accepted 200')
  assert.equal(summary(await outcomeOf(hugeAnswer(200, 10, '{"said":"'))), 'accepted 200')
})

test('redirects are not followed, wherever they lead', async () => {
  await using elsewhere = await startHostileReceiver()
  for (const status of [301, 302, 303, 307, 308]) {
    const outcome = await outcomeOf(redirect(status, `${elsewhere.url}/${secret}?q=1`))
    assert.equal(summary(outcome), `try-later redirect ${status}`)
    assert.match(messageOf(outcome), /a redirect to http:\/\/127\.0\.0\.1:\d+\/hook\/\*\*\*, which is never followed/)
  }
  assert.equal(elsewhere.heard.length, 0)
})

test('Retry-After counts in every spelling of it and at most for an hour; anything else asks for nothing', async () => {
  const spellings = new Map([
    ['120', ' after 120000'],
    ['  7  ', ' after 7000'],
    ['007', ' after 7000'],
    ['Mon, 23 Nov 2026 12:00:30 GMT', ' after 30000'],
    ['Monday, 23-Nov-26 12:00:30 GMT', ' after 30000'],
    ['Mon Nov 23 12:00:30 2026', ' after 30000'],
    ['315360000', ' after 3600000'],
    ['Fri, 23 Nov 2035 12:00:30 GMT', ' after 3600000'],
    ['9'.repeat(400), ' after 3600000'],
    ['0', ''],
    ['-120', ''],
    ['1.5', ''],
    ['1e3', ''],
    ['0x10', ''],
    ['120, 240', ''],
    ['Mon, 23 Nov 2020 12:00:30 GMT', ''],
    ['2026-11-23T12:00:30Z', ''],
    ['soon', ''],
    ['', ''],
  ])
  for (const [spelling, after] of spellings) {
    assert.equal(summary(await outcomeOf(askingToWait(429, spelling))), `try-later http_4xx 429${after}`, spelling)
    assert.equal(summary(await outcomeOf(askingToWait(503, spelling))), `try-later http_5xx 503${after}`, spelling)
  }
})

test('named failures are told with what was said of them; the others are accepted', async () => {
  const one = { id: '00001795450401978123', message: `no\n${secret} please`, retry: false }
  const outcome = await outcomeOf(failing([one, { id: 'x' }, { id: 'y', message: { code: 7 }, retry: true }]))
  assert.ok(outcome.kind === 'accepted')
  assert.deepEqual(outcome.failures, [
    { id: '00001795450401978123', message: 'no *** please', retry: false },
    { id: 'x', message: '', retry: true },
    { id: 'y', message: '{"code":7}', retry: true },
  ])
  const long = Array.from({ length: 5_000 }, (_, i) => ({ id: `e${i}`, message: 'x'.repeat(100) }))
  const many = await outcomeOf(failing(long))
  assert.ok(many.kind === 'accepted')
  assert.equal(many.failures?.length, 5_000)
})

test('a list of failures that cannot be read accepts nothing', async () => {
  const unreadable = [
    failing([{ id: 5 }]),
    failing(['e1']),
    failing([{ id: 'x', message: 'y'.repeat(1024 * 1024) }]),
    answer(200, { body: '{"failures":[{"id":"x"' }),
    hugeAnswer(200, Number.POSITIVE_INFINITY, '{"failures":['),
  ]
  for (const hostility of unreadable) {
    const outcome = await outcomeOf(hostility)
    assert.equal(summary(outcome), 'try-later http_2xx 200')
    assert.match(messageOf(outcome), /^answered 200 with failures that cannot be read: expected /)
    if (hostility.name === 'huge') assert.match(messageOf(outcome), /expected at most 1048576 bytes, got more$/)
  }
})

test('what is no list of failures is no reason to doubt a 2xx', async () => {
  for (const body of ['[]', '{"failures":3}', '{"failures":[]}', '{"ok":true', '"failures"', '{', 'failures', 'null'])
    assert.deepEqual(await outcomeOf(answer(200, { body })), { kind: 'accepted', status: 200 }, body)
})

test('a secret that is said back is shown nowhere, also when it is cut through', async () => {
  const echoed = await outcomeOf(echo(500))
  assert.ok('why' in echoed)
  assert.doesNotMatch(JSON.stringify([echoed, messageOf(echoed)]), /c4nary/)
  assert.match(messageOf(echoed), /Bearer \*\*\*/)
})

test('answers to accepted requests are kept only where they are asked for', async () => {
  const body = `thanks, ${secret}`
  assert.deepEqual(await outcomeOf(answer(201, { body })), { kind: 'accepted', status: 201 })
  const kept = await outcomeOf(answer(201, { body }), { keepAnswers: true })
  assert.deepEqual(kept, { kind: 'accepted', status: 201, answer: 'thanks, ***' })
})

test('a request that dies with an old connection is sent again at once, once, with the same bytes', async () => {
  await using receiver = await startHostileReceiver()
  await using post = openPost(targetOf(receiver.url), settings)
  const deaths = [hangUpBeforeReading, hangUpAfterReading, resetAfterReading]
  for (const death of deaths) {
    assert.equal(summary(await post.send(batch, live)), 'accepted 200')
    await nextTurn() // only then the connection is free again
    receiver.meet(death)
    assert.deepEqual(await post.send(batch, live), { kind: 'accepted', status: 200, resends: 1 })
    await nextTurn()
  }
  receiver.meet(resetAfterReading, resetAfterReading)
  const twice = await post.send(batch, live)
  assert.ok(twice.kind === 'try-later')
  assert.deepEqual([summary(twice), twice.resends], ['try-later connection_reset', 1])
  assert.ok(receiver.heard.every(({ id, body = '{"items":[]}' }) => id === 'b-1' && body === '{"items":[]}'))
  assert.equal(receiver.heard.length, 3 * deaths.length + 2)
})

test('a receiver that took its time before it hung up was not gone', async () => {
  let clock = now
  await using receiver = await startHostileReceiver()
  await using post = openPost(targetOf(receiver.url), { ...settings, now: () => clock })
  assert.equal(summary(await post.send(batch, live)), 'accepted 200')
  await nextTurn()
  receiver.meet((encounter) => {
    clock += 2_000
    return hangUpAfterReading(encounter)
  })
  assert.equal(summary(await post.send(batch, live)), 'try-later connection_reset')
})

test('a receiver that comes back between two batches costs no attempt', async () => {
  await using receiver = await startHostileReceiver()
  await using post = openPost(targetOf(receiver.url), settings)
  for (let i = 0; i < 20; i++) {
    const outcome = await post.send(batch, live)
    assert.equal(summary(outcome), 'accepted 200')
    await nextTurn()
    receiver.hangUp()
  }
})

const secure = (options: NonNullable<HostileOptions['tls']>) => startHostileReceiver({ tls: options })

test('certificates that are expired, not yet valid, for another name or of nobody known are TLS errors', async () => {
  const authority = certificate({ commonName: 'private authority' })
  const day = 86_400_000
  const wrong = new Map([
    ['expired', certificate({ issuer: authority, valid: { from: Date.now() - 2 * day, to: Date.now() - day } })],
    ['not yet valid', certificate({ issuer: authority, valid: { from: Date.now() + day, to: Date.now() + 2 * day } })],
    ['for another name', certificate({ issuer: authority, hosts: ['other.example', '127.0.0.2'] })],
    ['of nobody known', certificate()],
  ])
  for (const [what, shown] of wrong) {
    await using receiver = await secure(shown)
    await using post = openPost(targetOf(receiver.url, { tls: { ca: authority.cert } }), settings)
    assert.equal(summary(await post.send(batch, live)), 'try-later tls_error', what)
    assert.equal(receiver.heard.length, 0, what)
  }
})

test('a private authority is trusted besides the usual ones, by the endpoint that names it alone', async () => {
  const authority = certificate({ commonName: 'private authority' })
  await using receiver = await secure(certificate({ issuer: authority }))
  const send = async (more: Partial<Target>) => {
    await using post = openPost(targetOf(receiver.url, more), settings)
    return summary(await post.send(batch, live))
  }
  assert.equal(await send({ tls: { ca: authority.cert } }), 'accepted 200')
  assert.equal(await send({}), 'try-later tls_error')
  const other = certificate({ commonName: 'another authority' })
  assert.equal(await send({ tls: { ca: other.cert } }), 'try-later tls_error')
  const usual = getCACertificates('default')
  setDefaultCACertificates([...usual, authority.cert])
  try {
    assert.equal(await send({ tls: { ca: other.cert } }), 'accepted 200')
  } finally {
    setDefaultCACertificates(usual)
  }
})

test('the private authority of an endpoint is trusted at its token endpoint too', async () => {
  const authority = certificate({ commonName: 'private authority' })
  await using receiver = await startHostileReceiver()
  await using issuer = await secure(certificate({ issuer: authority }))
  issuer.otherwise(answer(200, { body: '{"access_token":"t","token_type":"bearer"}' }))
  const oauth2 = { tokenUrl: new URL(issuer.url), clientId: 'hub', clientSecret: 's', scopes: [] }
  await using post = openPost(targetOf(receiver.url, { oauth2, tls: { ca: authority.cert } }), settings)
  assert.equal(summary(await post.send(batch, live)), 'accepted 200')
  assert.equal(issuer.heard.length, 1)
})

test('a receiver that asks for a certificate is shown the one of the endpoint', async () => {
  const authority = certificate({ commonName: 'private authority' })
  const client = certificate({ commonName: 'watch-hub', issuer: authority })
  await using receiver = await secure({ ...certificate({ issuer: authority }), clientsOf: authority.cert })
  await using post = openPost(
    targetOf(receiver.url, { tls: { ca: authority.cert, cert: client.cert, key: client.key } }),
    settings,
  )
  assert.equal(summary(await post.send(batch, live)), 'accepted 200')
  assert.equal(receiver.heard[0]?.shownBy, 'watch-hub')
  await using without = openPost(targetOf(receiver.url, { tls: { ca: authority.cert } }), settings)
  assert.match(summary(await without.send(batch, live)), /^try-later (tls_error|connection_reset)$/)
  assert.equal(receiver.heard.length, 1)
})

test('an old connection is known as old under TLS too', async () => {
  const authority = certificate({ commonName: 'private authority' })
  await using receiver = await secure(certificate({ issuer: authority }))
  await using post = openPost(targetOf(receiver.url, { tls: { ca: authority.cert } }), settings)
  receiver.meet(resetAfterReading)
  assert.equal(summary(await post.send(batch, live)), 'try-later connection_reset')
  assert.equal(summary(await post.send(batch, live)), 'accepted 200')
  await nextTurn()
  receiver.meet(resetAfterReading)
  assert.deepEqual(await post.send(batch, live), { kind: 'accepted', status: 200, resends: 1 })
})
