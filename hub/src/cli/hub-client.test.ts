import assert from 'node:assert/strict'
import { test } from 'node:test'
import { string } from '@watch-hub/shared/protocol/decode'
import { selfSignedCertificate } from '../../../test/support/certificate.ts'
import { listen } from '../http/listen.ts'
import { hubClient } from './hub-client.ts'

const app = { fetch: () => Response.json('hello') }
const loopback = { listen: { host: '127.0.0.1', port: 0 } }
const live = new AbortController().signal

test('with a certificate a port speaks TLS, and a client that knows the CA trusts it', async () => {
  const tls = selfSignedCertificate()
  await using server = await listen(app, { ...loopback, tls })
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/)
  const address = { url: server.url, token: 't', tokenFrom: 'test' }
  assert.equal(await hubClient({ ...address, ca: tls.cert }, live).get('x', string), 'hello')
  await assert.rejects(
    hubClient(address, live).get('x', string),
    /does not answer: its certificate is self-signed: give it with --ca FILE/,
  )
  const plain = { ...address, url: server.url.replace('https', 'http') }
  await assert.rejects(hubClient(plain, live).get('x', string), /does not answer/)
})

test('a client that asks a plain port for TLS is told', async () => {
  await using server = await listen(app, loopback)
  const address = { url: server.url.replace('http', 'https'), token: 't', tokenFrom: 'test' }
  await assert.rejects(hubClient(address, live).get('x', string), /it speaks no TLS: try http:\/\//)
})
