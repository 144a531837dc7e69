import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { certificate, selfSignedCertificate } from './certificate.ts'

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

test('a certificate can be for other names, for another time and of an authority', () => {
  const authority = certificate({ commonName: 'authority' })
  const past = { from: Date.UTC(2020, 0, 1), to: Date.UTC(2020, 0, 2) }
  const issued = new X509Certificate(certificate({ hosts: ['other.example'], valid: past, issuer: authority }).cert)
  assert.equal(issued.issuer, 'CN=authority')
  assert.ok(issued.verify(new X509Certificate(authority.cert).publicKey))
  assert.ok(!issued.ca)
  assert.equal(issued.checkHost('other.example'), 'other.example')
  assert.equal(issued.checkHost('localhost'), undefined)
  assert.equal(issued.validToDate.getTime(), past.to)
})
