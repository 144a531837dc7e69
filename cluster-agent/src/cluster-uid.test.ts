import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { type Simulator, startApiServerSimulator } from '../../test/support/api-server-simulator/simulator.ts'
import { clusterUidOf } from './cluster-uid.ts'
import { openKube } from './watch/kube.ts'

/** Asks a simulator; each wait takes no time and calls `onWait`. Answers with the waits. */
async function asking(onWait: (cluster: Simulator, waits: number) => unknown, prepare: (cluster: Simulator) => unknown) {
  await using scope = new AsyncDisposableStack()
  const cluster = scope.use(await startApiServerSimulator())
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-uid-'))
  scope.defer(() => rm(dir, { recursive: true }))
  const kube = scope.use(await openKube({ log: silentLog, kubeconfig: await cluster.writeKubeconfig(dir) }))
  await prepare(cluster)
  const waits: number[] = []
  const sleep = async (ms: number) => void (await onWait(cluster, waits.push(ms)))
  const uid = await clusterUidOf(kube, { log: silentLog, sleep, answerMs: 30 }, new AbortController().signal)
  assert.equal(uid, cluster.clusterUid)
  return waits
}

const anything = () => true

suite('the uid of the cluster', () => {
  test('is waited for while the server refuses connections', async () => {
    const waits = await asking(
      async (cluster, count) => {
        if (count === 3) await cluster.restore()
      },
      (cluster) => cluster.refuse(),
    )
    assert.equal(waits.length, 3)
  })

  test('is asked for again after a storm of 429, after 503, and after no answer at all', async () => {
    const waits = await asking(
      () => {},
      (cluster) => {
        cluster.failNext({ match: anything, status: 429, retryAfter: 7, times: 2 })
        cluster.failNext({ match: anything, status: 503 })
        cluster.failNext({ match: anything, silent: 'before-head' })
        cluster.failNext({ match: anything, silent: 'after-head' })
      },
    )
    assert.equal(waits.length, 5)
    assert.ok(
      waits.slice(0, 2).every((ms) => ms >= 7_000),
      `waited ${waits}`,
    )
  })

  test('is not waited for when the agent may not have it: people have to fix that', async () => {
    const refused = asking(
      () => assert.fail('waited'),
      (cluster) => cluster.failNext({ match: anything, status: 403 }),
    )
    await assert.rejects(refused, /got HTTP 403: .*role must allow get/)
  })

  test('is not waited for any longer than the agent runs', async () => {
    const stop = new AbortController()
    const reason = new Error('stopped')
    const never = { clusterUid: () => Promise.reject(new Error('no answer')) }
    const sleep = async (_ms: number, signal?: AbortSignal) => {
      stop.abort(reason)
      signal?.throwIfAborted()
    }
    await assert.rejects(clusterUidOf(never, { log: silentLog, sleep }, stop.signal), reason)
  })
})
