import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { selfSignedCertificate } from './certificate.ts'

test('a self-signed certificate names loopback, is valid now and signed by itself', () => {
  const certificate = new X509Certificate(selfSignedCertificate('hub').cert)
  assert.equal(certificate.subject, 'CN=hub')
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
  assert.equal(certificate.checkHost('localhost'), 'localhost')
  assert.ok(certificate.verify(certificate.publicKey))
  assert.ok(certificate.ca)
  assert.ok(certificate.validFromDate < new Date() && new Date() < certificate.validToDate)
})

test('a client that trusts the certificate talks to its server, another one does not', async () => {
  const { cert, key } = selfSignedCertificate()
  const server = createServer({ cert, key }, (socket) => socket.end('hello')).listen(0, '127.0.0.1')
  server.on('tlsClientError', () => {})
  try {
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const trusting = connect({ host: '127.0.0.1', port, ca: cert })
    const [hello] = await once(trusting, 'data')
    assert.equal(String(hello), 'hello')
    trusting.destroy()
    await assert.rejects(once(connect({ host: '127.0.0.1', port }), 'secureConnect'), /self-signed/)
  } finally {
    server.close()
  }
})
