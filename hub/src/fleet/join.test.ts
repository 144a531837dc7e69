import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { joinBytes } from '@watch-hub/shared/protocol/join'
import type { JoinAttempt, Joined } from '../store/store.ts'
import { issueToken, join } from './join.ts'
import { hashToken, verifySignature } from './keys.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const publicText = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')

const request = (change: Partial<{ cluster: string; token: string }> = {}) => {
  const unsigned = { cluster: 'prod', token: 'whj_t', publicKey: publicText, clusterUid: 'u1', ...change }
  return { ...unsigned, signature: sign(null, joinBytes(unsigned), privateKey).toString('base64') }
}

const deps = (answer: Joined = { kind: 'joined' }) => {
  const attempts: JoinAttempt[] = []
  const saved: unknown[] = []
  return {
    attempts,
    saved,
    store: {
      hubId: 'hub-1',
      join: async (attempt: JoinAttempt) => {
        attempts.push(attempt)
        return answer
      },
      saveToken: async (token: unknown) => {
        saved.push(token)
      },
    },
    declared: (cluster: string) => cluster === 'prod',
    now: () => 1_000,
  }
}

test('a declared cluster with a good token joins, and the store sees only the hash of the token', async () => {
  const hub = deps()
  assert.deepEqual(await join(hub, request()), { status: 200, answer: { cluster: 'prod', hub: 'hub-1' } })
  assert.deepEqual(hub.attempts, [
    { cluster: 'prod', tokenHash: hashToken('whj_t'), publicKey: publicText, clusterUid: 'u1', now: 1_000 },
  ])
})

test('a name that Git does not declare is refused before its token is looked at', async () => {
  const hub = deps()
  const outcome = await join(hub, request({ cluster: 'unheard-of' }))
  assert.ok(outcome.status === 403 && outcome.problem.code === 'undeclared')
  assert.deepEqual(hub.attempts, [])
})

test('a request that its key did not sign is refused', async () => {
  const hub = deps()
  const outcome = await join(hub, { ...request(), clusterUid: 'forged' })
  assert.ok(outcome.status === 400 && outcome.problem.code === 'bad-signature')
  assert.deepEqual(hub.attempts, [])
})

test('another cluster under a joined name is a conflict', async () => {
  const outcome = await join(deps({ kind: 'refused', code: 'other-cluster', reason: 'taken' }), request())
  assert.deepEqual(outcome, { status: 409, problem: { code: 'other-cluster', message: 'taken' } })
})

test('a token is issued for declared names only, and stored as a hash', async () => {
  const hub = deps()
  const refused = await issueToken(hub, { cluster: 'other', ttlMs: 60_000, replace: false })
  assert.equal(refused.kind, 'refused')
  const issued = await issueToken(hub, { cluster: 'prod', ttlMs: 60_000, replace: false })
  assert.ok(issued.kind === 'issued')
  assert.equal(issued.expiresAt, 61_000)
  assert.deepEqual(hub.saved, [{ hash: hashToken(issued.token), cluster: 'prod', expiresAt: 61_000, replace: false }])
})

test('what is no key and what is no signature proves nothing', () => {
  assert.equal(verifySignature('garbage', new Uint8Array(1), 'garbage'), false)
  const { publicKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  assert.equal(verifySignature(rsa.export({ type: 'spki', format: 'der' }).toString('base64'), new Uint8Array(1), ''), false)
})
