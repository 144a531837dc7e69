import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { Webhook } from 'standardwebhooks'
import { distrust, type SigningKey, signing, signingKey } from './signature.ts'

function key(secret: string): SigningKey {
  const parsed = signingKey(secret)
  assert.ok(typeof parsed !== 'string', String(parsed))
  return parsed
}
const fresh = () => `whsec_${randomBytes(32).toString('base64')}`

const known = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: '1614265330',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  body: Buffer.from('{"test": 2432232314}'),
}

test('the known vector of Standard Webhooks comes out', () => {
  const sign = signing([key(known.secret)])
  assert.equal(sign(known.id, Number(known.timestamp), known.body), known.signature)
  assert.equal(distrust(known, [key(known.secret)], 1614265330_000), undefined)
})

test('the reference library accepts what is signed here, with the old secret and with the new one', () => {
  const [old, next] = [fresh(), fresh()]
  const body = Buffer.from('{"object":"ü\\n€"}')
  const timestamp = Math.floor(Date.now() / 1000)
  const signature = signing([key(old), key(next)])('b-1', timestamp, body)
  assert.equal(signature.split(' ').length, 2)
  const headers = { 'webhook-id': 'b-1', 'webhook-timestamp': String(timestamp), 'webhook-signature': signature }
  for (const secret of [old, next]) assert.doesNotThrow(() => new Webhook(secret).verify(body.toString(), headers))
  assert.throws(() => new Webhook(fresh()).verify(body.toString(), headers))
  assert.throws(() => new Webhook(old).verify(`${body} `, headers))
})

test('what the reference library signs is believed here', () => {
  const secret = fresh()
  const at = new Date(1_795_450_401_000)
  const signature = new Webhook(secret).sign('b-1', at, '{}')
  const signed = { id: 'b-1', timestamp: '1795450401', signature, body: Buffer.from('{}') }
  assert.equal(distrust(signed, [key(fresh()), key(secret)], at.getTime()), undefined)
})

test('a request is not believed when anything of it was changed, and the reason is said', () => {
  const keys = [key(known.secret)]
  const now = 1614265330_000
  const other = /^no signature matches: another secret, or the body was changed/
  const cases: readonly (readonly [change: object, why: RegExp, at?: number])[] = [
    [{ id: 'msg_other' }, other],
    [{ timestamp: '1614265331' }, other],
    [{ body: Buffer.from('{"test": 2432232315}') }, other],
    [{ signature: `v1,${Buffer.alloc(32).toString('base64')}` }, other],
    [{ signature: 'v1,short' }, other],
    [{ signature: known.signature.replace('v1,', 'v1a,') }, /^expected a signature of scheme v1/],
    [{ signature: '' }, /^expected a signature of scheme v1/],
    [{ signature: undefined }, /^not signed: expected the headers/],
    [{ id: undefined }, /^not signed/],
    [{ timestamp: '1614265330.5' }, /^expected webhook-timestamp in seconds/],
    [{}, /within 300 s of this clock, got one 301 s behind$/, now + 301_000],
    [{}, /got one 301 s ahead$/, now - 301_000],
  ]
  for (const [change, why, at = now] of cases) assert.match(distrust({ ...known, ...change }, keys, at) ?? 'believed', why)
  assert.equal(distrust({ ...known, signature: `v1a,x v2,y ${known.signature}` }, keys, now + 300_000), undefined)
})

test('a signing secret is 24 to 64 bytes as base64, with whsec_ or without', () => {
  assert.equal(key(known.secret).length, 24)
  assert.deepEqual(key(known.secret.slice('whsec_'.length)), key(known.secret))
  assert.equal(key(`whsec_${Buffer.alloc(64).toString('base64')}`).length, 64)
  assert.equal(key(`whsec_${Buffer.alloc(32).toString('base64').replace('=', '')}`).length, 32)
  for (const bytes of [0, 23, 65])
    assert.match(String(signingKey(`whsec_${Buffer.alloc(bytes).toString('base64')}`)), new RegExp(`got ${bytes} bytes$`))
  for (const secret of ['whsec_correct horse battery staple!', 'whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', `${known.secret}\n`]) {
    const said = String(signingKey(secret))
    assert.match(said, /^expected a signing secret, whsec_ .* got something that is no base64$/, secret)
  }
})
