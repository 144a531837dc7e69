import assert from 'node:assert/strict'
import test from 'node:test'
import { selfSignedCertificate } from '../../../test/support/certificate.ts'
import type { SecretRef } from '../config/model.ts'
import { distrust, signingKey } from './signature.ts'
import { resolveTarget, shownUrl, usesSecrets } from './target.ts'
import { endpointConfig } from './testing/rows.ts'

const [mine, other] = [selfSignedCertificate(), selfSignedCertificate()]
const values: Readonly<Record<string, string>> = {
  user: 'ann',
  password: 'p"w/ü',
  token: 't0ken',
  broken: 'a\nb',
  signing: `whsec_${Buffer.alloc(32, 'a').toString('base64')}`,
  'signing-next': `whsec_${Buffer.alloc(32, 'b').toString('base64')}`,
  cert: mine.cert,
  key: mine.key,
  'other-key': other.key,
}
/** `bound/…` is for two hosts alone. */
const bound = ['dns.example.com', 'idp.example.com']
const secrets = {
  read: async (ref: SecretRef, { hostname }: URL) => {
    const name = 'secret' in ref ? ref.secret.replace('bound/', '') : ''
    const mayHave = !('secret' in ref && ref.secret.startsWith('bound/')) || bound.includes(hostname)
    const value = mayHave ? values[name] : undefined
    if (!mayHave) return { kind: 'missing' as const, reason: `not for ${hostname}` }
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

const oauth2 = (parts: object = {}) => ({
  kind: 'oauth2' as const,
  tokenUrl: 'https://idp.example.com/token',
  clientId: { secret: 'bound/user' },
  clientSecret: { secret: 'bound/password' },
  scopes: ['write'],
  ...parts,
})

test('a target with OAuth2 says what a token is asked for with, and has no authorization of its own', async () => {
  const target = await ready({ auth: oauth2() })
  assert.deepEqual(target.oauth2, {
    tokenUrl: new URL('https://idp.example.com/token'),
    clientId: 'ann',
    clientSecret: 'p"w/ü',
    scopes: ['write'],
  })
  assert.equal(target.headers.authorization, undefined)
  assert.equal(target.mask('p"w/ü!'), '***!')
})

test('a client secret is bound to the token endpoint and to the receiver of its tokens', async () => {
  assert.equal(await reason({ auth: oauth2({ tokenUrl: 'https://evil.example.com/token' }) }), 'not for evil.example.com')
  assert.equal(await reason({ auth: oauth2(), url: 'https://evil.example.com/hooks' }), 'not for evil.example.com')
})

test('requests are signed by every secret of signing', async () => {
  const { sign, mask } = await ready({ signing: [{ secret: 'signing' }, { secret: 'signing-next' }] })
  const body = Buffer.from('{}')
  const signature = sign?.('b-1', 1_795_450_401, body)
  for (const name of ['signing', 'signing-next']) {
    const key = signingKey(values[name] ?? '')
    assert.ok(typeof key !== 'string')
    assert.equal(distrust({ id: 'b-1', timestamp: '1795450401', signature, body }, [key], 1_795_450_401_000), undefined)
  }
  assert.equal(mask(`${values.signing}.`), '***.')
  assert.equal((await ready({})).sign, undefined)
})

test('a signing secret that is none blocks, without being shown', async () => {
  const said = await reason({ signing: [{ secret: 'signing' }, { secret: 'token' }] })
  assert.match(said, /^expected a signing secret, whsec_/)
  assert.doesNotMatch(said, /t0ken/)
})

test('certificates come as they are; a key that is not the certificate’s blocks, without being shown', async () => {
  const tls = { ca: { secret: 'cert' }, certificate: { secret: 'cert' }, key: { secret: 'key' } }
  const target = await ready({ tls })
  assert.deepEqual(target.tls, { ca: mine.cert, cert: mine.cert, key: mine.key })
  assert.equal(target.mask(`${mine.key.split('\n')[1]}.`), '***.')
  const said = await reason({ tls: { ...tls, key: { secret: 'other-key' } } })
  assert.equal(
    said,
    'the secrets of tls.certificate and tls.key are no pair, or the key is no PEM without a passphrase (ERR_OSSL_X509_KEY_VALUES_MISMATCH)',
  )
  assert.equal(
    await reason({ tls: { ca: { secret: 'token' } } }),
    'expected certificates as PEM in the secret of tls.ca, got something else',
  )
})

test('targets are the same when all that they carry is the same', async () => {
  const identity = async (parts: Parameters<typeof endpointConfig>[0]) => {
    const resolved = await resolveTarget(endpointConfig({ url: 'https://dns.example.com/', ...parts }), secrets, settings)
    return resolved.kind === 'ready' ? resolved.identity : resolved.reason
  }
  const variants: readonly Parameters<typeof endpointConfig>[0][] = [
    {},
    { url: 'https://dns.example.com/other' },
    { auth: { kind: 'bearer', token: { secret: 'token' } } },
    { auth: { kind: 'bearer', token: { secret: 'user' } } },
    { auth: oauth2() },
    { auth: oauth2({ scopes: [] }) },
    { signing: [{ secret: 'signing' }] },
    { signing: [{ secret: 'signing-next' }] },
    { tls: { ca: { secret: 'cert' } } },
  ]
  const identities = await Promise.all(variants.map(identity))
  assert.equal(new Set(identities).size, variants.length)
  assert.deepEqual(await Promise.all(variants.map(identity)), identities)
})

test('an endpoint uses secrets for what it sends, signs and shows', () => {
  assert.equal(usesSecrets(endpointConfig({ headers: { 'x-team': 'net' } })), false)
  for (const parts of [{ auth: basic }, { signing: [{ secret: 'signing' }] }, { tls: { ca: { secret: 'cert' } } }])
    assert.equal(usesSecrets(endpointConfig(parts)), true)
})

test('a missing secret blocks with its reason', async () => {
  assert.equal(await reason({ auth: { kind: 'bearer', token: { secret: 'nope' } } }), 'expected the secret file x')
})

test('credentials never go over plain http unless the operator allows it', async () => {
  const url = 'http://dns.example.com/'
  assert.match(await reason({ url, auth: basic }), /^credentials never go over plain http/)
  assert.match(await reason({ url, headers: { 'x-api-key': { secret: 'token' } } }), /^credentials never go over plain http/)
  assert.match(await reason({ url, auth: oauth2() }), /^credentials never go over plain http.* https url /)
  const tokenUrl = 'http://idp.example.com/token'
  assert.match(await reason({ auth: oauth2({ tokenUrl }) }), /^credentials never go over plain http.* https tokenUrl /)
  await ready({ auth: oauth2({ tokenUrl }) }, { allowInsecureCredentials: true })
  await ready({ url, headers: { 'x-team': 'net' }, signing: [{ secret: 'signing' }] })
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
