/** Facts about joining, processes and revocation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import type { JoinAttempt, Store } from '../../store.ts'
import { activation, cluster, join, seen, startAgent, streamId, synced, watch } from '../world.ts'

const attempt = (over: Partial<JoinAttempt> = {}): JoinAttempt => ({
  cluster,
  tokenHash: 't1',
  publicKey: 'key-1',
  clusterUid: 'uid-1',
  now: 1_000,
  ...over,
})

const token = (
  store: Store,
  hash: string,
  over: { readonly expiresAt?: number; readonly replace?: boolean; readonly cluster?: string } = {},
) => store.saveToken({ hash, cluster, expiresAt: 2_000, replace: false, ...over })

const codeOf = async (store: Store, over: Partial<JoinAttempt> = {}) => {
  const joined = await store.join(attempt(over))
  return joined.kind === 'refused' ? joined.code : joined.kind
}

export function agentFacts(lab: MakeLab): void {
  test('a token works once; the same attempt again gets the same answer', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await token(store, 't1')
    assert.equal(await codeOf(store), 'joined')
    assert.equal(await codeOf(store, { now: 9_000 }), 'joined')
    assert.equal(await codeOf(store, { publicKey: 'key-2' }), 'used-token')
    assert.equal(await codeOf(store, { clusterUid: 'uid-2' }), 'used-token')
    assert.deepEqual(await store.agents(), [
      { cluster, publicKey: 'key-1', clusterUid: 'uid-1', joinedAt: 1_000, process: 0, lastFrame: 0 },
    ])
  })

  test('a token is for one cluster and for a time', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await token(store, 't1', { cluster: 'elsewhere' })
    await token(store, 't2')
    assert.equal(await codeOf(store, { tokenHash: 'unheard' }), 'bad-token')
    assert.equal(await codeOf(store, { tokenHash: 't1' }), 'bad-token')
    assert.equal(await codeOf(store, { tokenHash: 't2', now: 2_000 }), 'expired-token')
    assert.deepEqual(await store.agents(), [])
  })

  test('another cluster under the same name needs a token that says so', async () => {
    await using world = await lab()
    const { store } = await world.open()
    for (const hash of ['t1', 't2']) await token(store, hash)
    await token(store, 't3', { replace: true })
    assert.equal(await codeOf(store), 'joined')
    assert.equal(await codeOf(store, { tokenHash: 't2', clusterUid: 'uid-2' }), 'other-cluster')
    assert.equal(await codeOf(store, { tokenHash: 't2', publicKey: 'key-2' }), 'joined')
    assert.equal(await codeOf(store, { tokenHash: 't3', clusterUid: 'uid-2' }), 'joined')
    assert.equal((await store.agents())[0]?.clusterUid, 'uid-2')
  })

  test('joining again keeps the process numbers', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a')])
    await join(store)
    assert.partialDeepStrictEqual(await store.openProcess(cluster, agent.process), { kind: 'opened', process: 1, lastFrame: 1 })
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 0), { kind: 'opened', process: 2, lastFrame: 0 })
  })

  test('processes are numbered upwards; an older one is superseded', async () => {
    await using world = await lab()
    const { store } = await world.open()
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 0), { kind: 'unknown' })
    await join(store)
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 0), { kind: 'opened', process: 1, lastFrame: 0 })
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 0), { kind: 'opened', process: 2, lastFrame: 0 })
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 1), { kind: 'superseded', current: 2 })
  })

  test('a process above the known one shows that the database is older: it gets a number that nobody had', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await join(store)
    await store.openProcess(cluster, 0)
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 7), { kind: 'opened', process: 8, lastFrame: 0 })
    assert.deepEqual(await store.openProcess(cluster, 7), { kind: 'superseded', current: 8 })
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 0), { kind: 'opened', process: 9, lastFrame: 0 })
  })

  test('a process that was numbered in another history of the database gets a number of this one, unless another took its place', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await join(store)
    const before = 'the history before'
    const opened = await store.openProcess(cluster, 7, { generation: before })
    assert.partialDeepStrictEqual(opened, { kind: 'opened', process: 8, lastFrame: 0 })
    assert.ok(opened.kind === 'opened')
    assert.deepEqual(await store.openProcess(cluster, 8, { generation: opened.generation }), opened)
    assert.partialDeepStrictEqual(
      await store.openProcess(cluster, 7, { generation: before }),
      { process: 9 },
      'our answer did not reach it',
    )
    assert.deepEqual(await store.openProcess(cluster, 6, { generation: before }), { kind: 'superseded', current: 9 })
    assert.deepEqual(await store.openProcess(cluster, 30, { generation: 'yet another' }), { kind: 'superseded', current: 9 })
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 0), { process: 10 })
    assert.deepEqual(await store.openProcess(cluster, 7, { generation: before }), { kind: 'superseded', current: 10 })
  })

  test('of two processes of a former history the newer one wins, whichever comes first', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await join(store)
    const generation = 'the history before'
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 13, { generation }), { kind: 'opened', process: 14 })
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 14, { generation }), { kind: 'opened', process: 15 })
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 13, { generation }), { kind: 'superseded', current: 15 })
  })

  test('what an agent knows to be lost puts its streams in doubt until the next comparison; then a body of the same content is told again', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a'), synced({ lb: 'd1' })])
    const stream = { cluster, stream: streamId }
    assert.equal(await store.isDoubted(stream), false)
    const again = await startAgent(store, cluster, { lost: true })
    assert.equal(await store.isDoubted(stream), true)
    const [row] = await again.send([seen('a', { cause: 'list', change: 'modified', resourceVersion: '3' })])
    assert.partialDeepStrictEqual(row?.routes[0], { type: 'updated', reason: 'recovered' })
    assert.equal(await store.isDoubted(stream), true)
    await again.send([synced({ lb: 'd1' })])
    assert.equal(await store.isDoubted(stream), false)
  })

  test('a process that was replaced stays so after a restart, and so does the history', async () => {
    await using world = await lab()
    const first = await world.open()
    await join(first.store)
    await first.store.openProcess(cluster, 0)
    const second = await first.store.openProcess(cluster, 0)
    await first.kill()
    const { store } = await world.open()
    assert.deepEqual(await store.openProcess(cluster, 1), { kind: 'superseded', current: 2 })
    assert.deepEqual(await store.openProcess(cluster, 2), second)
  })

  test('a revoked agent is unknown until it joins with a new token', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await token(store, 't1')
    await token(store, 't2')
    await codeOf(store)
    assert.equal(await store.revoke(cluster, 3_000), true)
    assert.equal(await store.revoke(cluster, 4_000), false)
    assert.equal(await store.revoke('elsewhere', 4_000), false)
    assert.equal((await store.agents())[0]?.revokedAt, 3_000)
    assert.partialDeepStrictEqual(await store.openProcess(cluster, 0), { kind: 'unknown' })
    assert.equal(await codeOf(store), 'used-token', 'the token that was used before does not lift a revocation')
    assert.equal(await codeOf(store, { tokenHash: 't2' }), 'joined')
    assert.equal((await store.agents())[0]?.revokedAt, undefined)
  })

  test('an attempt with an old token does not take the name back from a later join', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await token(store, 't1')
    await token(store, 't2')
    await codeOf(store)
    assert.equal(await codeOf(store, { tokenHash: 't2', publicKey: 'key-2' }), 'joined')
    assert.equal(await codeOf(store), 'used-token')
    assert.equal((await store.agents())[0]?.publicKey, 'key-2')
  })
}
