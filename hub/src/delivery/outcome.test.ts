import assert from 'node:assert/strict'
import test from 'node:test'
import { failed, judge } from './outcome.ts'

const target = { url: new URL('http://a.example/'), mask: (text: string) => text.replaceAll('s3cret', '***') }
const coded = (code: string) => Object.assign(new Error(`${code} s3cret`), { code })

test('what this machine lacks and what its own end brings is not charged to the endpoint', () => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'EADDRNOTAVAIL', 'UND_ERR_DESTROYED', 'EAI_AGAIN'])
    assert.equal(failed(new Error('outer', { cause: coded(code) }), target).kind, 'not-charged', code)
})

test('failures have their names wherever in the causes they are said, and hold no secret', () => {
  const kindOf = (error: unknown) => {
    const { why } = failed(error, target)
    assert.doesNotMatch(why.message, /s3cret/)
    return 'kind' in why ? why.kind : why.name
  }
  const names = {
    ENOTFOUND: 'dns_error',
    ECONNREFUSED: 'connection_refused',
    EPIPE: 'connection_reset',
    UND_ERR_CONNECT_TIMEOUT: 'unreachable',
    EHOSTUNREACH: 'unreachable',
    CERT_HAS_EXPIRED: 'tls_error',
    DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_error',
    ERR_TLS_CERT_ALTNAME_INVALID: 'tls_error',
    ERR_SSL_WRONG_VERSION_NUMBER: 'tls_error',
    HPE_INVALID_CONSTANT: 'network_error',
  }
  for (const [code, name] of Object.entries(names)) {
    assert.equal(kindOf(coded(code)), name, code)
    assert.equal(kindOf(new Error('outer', { cause: new AggregateError([coded(code)]) })), name, code)
  }
  assert.equal(kindOf('s3cret'), 'network_error')
})

const answered = (status: number, body: string) => {
  const answer = { status, headers: {}, body: Buffer.from(body), cut: false }
  const outcome = judge(answer, { target, outcomes: {}, now: 0, keepAnswers: false })
  assert.ok('why' in outcome && 'answer' in outcome.why)
  return outcome.why.answer ?? ''
}

test('an answer is kept to 16 KiB of whole characters', () => {
  assert.equal(answered(500, 'ü'.repeat(10_000)), 'ü'.repeat(8_192))
  assert.equal(answered(500, `a${'ü'.repeat(10_000)}`), `a${'ü'.repeat(8_191)}`)
  assert.equal(answered(422, 's3cret\n'), '***\n')
})
