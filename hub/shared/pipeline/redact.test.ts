import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastApplied } from './project.ts'
import { compileRedaction } from './redact.ts'
import { frozen, kubeObject } from './testing.ts'

const canary = 'Y2FuYXJ5'
const secret = frozen(
  kubeObject('token', {
    type: 'Opaque',
    data: { password: canary },
    stringData: { user: canary },
    metadata: { annotations: { [lastApplied]: canary, 'kapp.k14s.io/original': canary, owner: 'eve' }, labels: { app: 'shop' } },
  }),
)

test('a Secret keeps nothing of its data, and no annotation with a copy of it', () => {
  const redacted = compileRedaction({ group: '', resource: 'secrets', includeSecretData: false })(secret)
  assert.ok(!JSON.stringify(redacted).includes(canary))
  assert.ok(!JSON.stringify(redacted).includes('password'))
  assert.deepEqual(redacted.metadata, { ...secret.metadata, annotations: { owner: 'eve' } })
  assert.equal(redacted.type, 'Opaque')
})

test('a Secret without annotations is redacted too', () => {
  const redacted = compileRedaction({ group: '', resource: 'secrets', includeSecretData: false })(
    kubeObject('a', { data: { a: canary } }),
  )
  assert.deepEqual(redacted, kubeObject('a'))
})

test('a watch that asks for secret data gets the Secret as it is', () => {
  assert.equal(compileRedaction({ group: '', resource: 'secrets', includeSecretData: true })(secret), secret)
})

test('other kinds pass untouched, also one that is called secrets in another group', () => {
  assert.equal(compileRedaction({ group: '', resource: 'configmaps', includeSecretData: false })(secret), secret)
  assert.equal(compileRedaction({ group: 'example.com', resource: 'secrets', includeSecretData: false })(secret), secret)
})
