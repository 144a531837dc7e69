import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, endpoint, manifest, problemsOf, settings } from '../testing/manifests.ts'

const advice = 'put it into a file of the secrets folder and refer to it'
const token = `ghp_${'a'.repeat(36)}`
const inHeaders = async (headers: string, more = '') =>
  (await problemsOf(endpoint('dns', `headers: {${headers}}${more}`))).map((line) => line.replace(/^0\.yaml:6:/, ''))

test('texts that look like secrets are refused wherever they stand, and never shown', async () => {
  const problems = await problemsOf(
    cluster('a', 'env: prod', `attach: {list: [{deep: "x ${token}"}]}`),
    settings('attach: {key: AKIAIOSFODNN7EXAMPLE}'),
    manifest('Endpoint', 'dns', `url: https://a\nattach:\n  pem: |\n    -----BEGIN PRIVATE KEY-----\n    abc`),
  )
  assert.deepEqual(problems, [
    `0.yaml:5:26 spec.attach.list[0].deep: expected no secret in Git, got what looks like a GitHub token: ${advice}`,
    `1.yaml:4:17 spec.attach.key: expected no secret in Git, got what looks like an AWS access key: ${advice}`,
    `2.yaml:7:10 spec.attach.pem: expected no secret in Git, got what looks like a private key: ${advice}`,
  ])
})

test('a secret in a field that is refused for another reason is not shown either', async () => {
  const problems = await problemsOf(manifest('Endpoint', 'dns', `url: ${token}\nauth: {bearer: ${token}}\nhistory: ${token}`))
  assert.ok(problems.length >= 3)
  assert.ok(!problems.join('\n').includes(token))
})

for (const name of ['Authorization', 'x-api-key', 'X-Auth-Token', 'X-Vault-Token', 'Cookie', 'X-Client-Secret', 'apikey'])
  test(`the header ${name} takes a reference and no plain text`, async () => {
    assert.deepEqual(await inHeaders(`${name}: hunter2`), [
      `${15 + name.length}`.padStart(2) +
        ` spec.headers.${name}: expected a reference, {secret: NAME/KEY} or {env: NAME} (a header of this name carries a credential), got a text: ${advice}`,
    ])
    assert.deepEqual(await inHeaders(`${name}: {secret: dns/key}`), [])
  })

const headers: readonly (readonly [headers: string, problem: string])[] = [
  [
    'Content-Type: text/plain',
    "13 spec.headers.Content-Type: expected a header that the hub does not set itself, got 'Content-Type'",
  ],
  ['host: {secret: a}', "13 spec.headers.host: expected a header that the hub does not set itself, got 'host'"],
  ['"X A": b', "13 spec.headers['X A']: expected the name of an HTTP header, got 'X A'"],
  ['X-A: b, x-a: c', "21 spec.headers.x-a: expected each header once, got 'x-a' again"],
  [
    'X-A: "a\\nX-B: c"',
    '18 spec.headers.X-A: expected a value that a header can carry (one line, no control characters), got another',
  ],
]

for (const [written, problem] of headers)
  test(`headers refused: ${written}`, async () => assert.deepEqual(await inHeaders(written), [problem]))

test('plain headers are fine', async () => {
  assert.deepEqual(await inHeaders('X-Team: netops, X-Author: me, Accept-Language: de'), [])
})

test('auth and an Authorization header exclude each other, also when auth comes from the defaults', async () => {
  const problem = '13 spec.headers.Authorization: expected either auth or an Authorization header, got both'
  assert.deepEqual(await inHeaders('Authorization: {secret: a}', '\nauth: {bearer: {secret: b}}'), [problem])
  const inherited = await problemsOf(
    settings('defaults: {endpoint: {auth: {bearer: {secret: b}}}}'),
    endpoint('dns', 'headers: {Authorization: {secret: a}}'),
  )
  assert.deepEqual(inherited, [`1.yaml:6:${problem}`])
})
