import assert from 'node:assert/strict'
import test from 'node:test'
import type { SecretRef } from '../config/model.ts'
import { resolveTarget, shownUrl } from './target.ts'
import { endpointConfig } from './testing/rows.ts'

const values: Readonly<Record<string, string>> = { user: 'ann', password: 'p"w/ü', token: 't0ken', broken: 'a\nb' }
const secrets = {
  read: async (ref: SecretRef) => {
    const value = 'secret' in ref ? values[ref.secret] : undefined
    return value === undefined
      ? { kind: 'missing' as const, reason: 'expected the secret file x' }
      : { kind: 'found' as const, value }
  },
}
const settings = { release: '0.1.0', allowInsecureCredentials: false }
const basic = { kind: 'basic', username: { secret: 'user' }, password: { secret: 'password' } } as const

async function ready(parts: Parameters<typeof endpointConfig>[0], more = {}) {
  const resolved = await resolveTarget(endpointConfig({ url: 'https://dns.example.com/hooks', ...parts }), secrets, {
    ...settings,
    ...more,
  })
  assert.ok(resolved.kind === 'ready', resolved.kind === 'blocked' ? resolved.reason : '')
  return resolved.target
}

async function reason(parts: Parameters<typeof endpointConfig>[0]) {
  const resolved = await resolveTarget(endpointConfig({ url: 'https://dns.example.com/hooks', ...parts }), secrets, settings)
  assert.ok(resolved.kind === 'blocked')
  return resolved.reason
}

test('basic, bearer and header secrets become headers', async () => {
  const { headers } = await ready({ auth: basic, headers: { 'X-Api-Key': { secret: 'token' }, 'X-Team': 'net' } })
  assert.deepEqual(headers, {
    'x-api-key': 't0ken',
    'x-team': 'net',
    authorization: `Basic ${Buffer.from('ann:p"w/ü').toString('base64')}`,
    'content-type': 'application/json',
    'user-agent': 'watch-hub/0.1.0',
  })
  assert.equal((await ready({ auth: { kind: 'bearer', token: { secret: 'token' } } })).headers.authorization, 'Bearer t0ken')
})

test('configured headers do not replace what the format needs', async () => {
  assert.equal((await ready({ headers: { 'Content-Type': 'text/plain' } })).headers['content-type'], 'application/json')
})

test('a missing secret blocks with its reason', async () => {
  assert.equal(await reason({ auth: { kind: 'bearer', token: { secret: 'nope' } } }), 'expected the secret file x')
})

test('credentials never go over plain http unless the operator allows it', async () => {
  const url = 'http://dns.example.com/'
  assert.match(await reason({ url, auth: basic }), /^credentials never go over plain http/)
  assert.match(await reason({ url, headers: { 'x-api-key': { secret: 'token' } } }), /^credentials never go over plain http/)
  await ready({ url, headers: { 'x-team': 'net' } })
  await ready({ url, auth: basic }, { allowInsecureCredentials: true })
})

test('a secret that no header can carry blocks, without being shown', async () => {
  const said = await reason({ auth: { kind: 'bearer', token: { secret: 'broken' } } })
  assert.match(said, /^the value of the header authorization holds characters/)
  assert.doesNotMatch(said, /a\nb/)
})

test('secrets are masked in every form in which a receiver may echo them', async () => {
  const { mask, headers } = await ready({ auth: basic })
  const echo = `got ${headers.authorization}, ${JSON.stringify(values.password)}, ${encodeURIComponent(values.password ?? '')} and ann`
  assert.equal(mask(echo), 'got Basic ***, "***", *** and ***')
})

test('a url is shown without query and credentials', () => {
  assert.equal(shownUrl('https://dns.example.com:8443/hooks?key=secret#x'), 'https://dns.example.com:8443/hooks')
})
