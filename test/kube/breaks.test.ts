/**
 * The main breaks on a real API server, the whole way: server ─ breaking proxy ─ agent ─ hub ─ receiver. Hub and agent run in this process, with short
 * waits. Each break ends with the receiver holding what the cluster holds, and with exactly the events that there were.
 */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { told } from '../support/breaks.ts'
import { type ApiServer, startApiServer } from '../support/envtest/envtest.ts'
import { type Json, type KubeClient, kubeClient } from '../support/kube-client.ts'
import { type AgentProcess, memoryKeyStore, startAgentProcess } from '../support/lab/agent.ts'
import { type Lab, startLab } from '../support/lab/lab.ts'
import { createClock } from '../support/lab/time.ts'
import { manifest } from '../support/manifest.ts'
import { configMap } from '../support/objects.ts'
import type { Receiver } from '../support/receiver.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

/** A watch on which nothing came for so long is given up. Bookmarks are no help: a real server sends one a minute. */
const stallMs = 1_500

interface Stage {
  readonly server: ApiServer
  readonly proxy: TcpProxy
  /** Past the proxy. */
  readonly client: KubeClient
  readonly lab: Lab
  readonly agent: AgentProcess
  readonly receiver: Receiver
  readonly scope: AsyncDisposableStack
}

async function setUp(): Promise<Stage> {
  await using building = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-breaks-'))
  building.defer(() => rm(dir, { recursive: true, force: true }))
  const server = building.use(await startApiServer({ dir: join(dir, 'server') }))
  const client = kubeClient({ url: server.url, ca: server.ca, token: server.adminToken })
  building.defer(() => client[Symbol.dispose]())
  await client.ensureNamespace('default')
  const proxy = building.use(await startTcpProxy(server.url))
  const lab = building.use(
    await startLab({
      clusters: [],
      receivers: ['crm'],
      manifests: (url) => [
        manifest('Cluster', 'real', {}),
        manifest('Endpoint', 'crm', { url: url('crm'), batch: { maxWait: '0s' }, history: 'every' }),
        manifest('Watch', 'maps', { resources: ['configmaps'], namespaces: { include: ['default'] }, endpoints: ['crm'] }),
      ],
    }),
  )
  const kubeconfig = join(dir, 'through-the-proxy')
  await writeFile(kubeconfig, (await readFile(server.kubeconfigFile, 'utf8')).replaceAll(server.url, proxy.url), { mode: 0o600 })
  const agent = building.use(
    await startAgentProcess({
      cluster: 'real',
      clusterUid: uidOf(await client.call('GET', '/api/v1/namespaces/kube-system')),
      kubeconfig,
      hubPort: () => lab.hub.running?.port,
      keys: memoryKeyStore(),
      token: async () => {
        const issued = await lab.hub.running?.fleet.issueToken({ cluster: 'real', ttlMs: 60_000, replace: false })
        return issued?.kind === 'issued' ? issued.token : undefined
      },
      clock: createClock(),
      log: silentLog,
      reconcile: { stallMs, listStallMs: stallMs, discoveryMs: stallMs },
      outbox: {},
    }),
  )
  return { server, proxy, client, lab, agent, receiver: lab.receiver('crm'), scope: building.move() }
}

const uidOf = ({ body }: { readonly body: Json }): string => {
  const { metadata } = body
  return typeof metadata === 'object' && metadata !== null && 'uid' in metadata ? String(metadata.uid) : ''
}

suite('breaks on a real API server', () => {
  let on: Stage
  before(async () => {
    on = await setUp()
  })
  after(() => on.scope.disposeAsync())

  const create = (name: string, value = 'first') => on.client.create('configmaps', configMap(name, { value }))
  const ref = (name: string) => ({ resource: 'configmaps', namespace: 'default', name })
  const update = (name: string, value: string) => on.client.patch(ref(name), { data: { value } })
  const remove = (name: string) => on.client.delete(ref(name))

  /** `name=value` of what there is, sorted. */
  const inCluster = async (): Promise<readonly string[]> => {
    const { body } = await on.client.call('GET', '/api/v1/namespaces/default/configmaps')
    return (Array.isArray(body.items) ? body.items : []).map(described).sort()
  }
  const atReceiver = () => [...on.receiver.table.values()].map(({ object }) => described(object)).sort()

  /** `a` to `d` and nothing else, at the receiver too, over an open watch; what it was sent so far is forgotten. */
  const afresh = async () => {
    for (const each of await inCluster()) await remove(each.split('=')[0] ?? '')
    for (const name of ['a', 'b', 'c', 'd']) await create(name)
    await settled()
    on.receiver.clear()
  }
  const settled = async () => {
    const wanted = JSON.stringify(await inCluster())
    await on.receiver.waitFor(() => JSON.stringify(atReceiver()) === wanted, `the picture ${wanted}`, 30_000)
    while (!Object.values(on.agent.status().streams).every(({ state }) => state === 'live')) await sleep(5)
    await on.lab.quiet()
    assert.deepEqual(on.receiver.ignored, [])
  }
  const changeEverything = async () => {
    await remove('a')
    await update('b', 'second')
    await remove('c')
    await create('c')
    await create('e')
  }
  const seen = ['deleted live a', 'updated live b', 'deleted live c', 'created live c', 'created live e']
  const recovered = [
    'updated recovered b',
    'deleted recovered c',
    'created recovered c',
    'created recovered e',
    'deleted recovered a',
  ]
  const lists = () => on.agent.status().figures.lists ?? 0

  test('a connection that is cut in mid-stream, between events and within one: each change once, and no list', async () => {
    await afresh()
    const before = lists()
    const names = Array.from({ length: 40 }, (_, i) => `cut-${String(i).padStart(2, '0')}`)
    for (const [i, name] of names.entries()) {
      if (i === 10) on.proxy.cut()
      if (i === 20) on.proxy.cutAfter(2_000)
      await create(name, 'x'.repeat(1_000))
    }
    await settled()
    assert.deepEqual(
      told(on.receiver),
      names.map((name) => `created live ${name}`),
    )
    assert.equal(lists(), before)
  })

  test('a server that refuses connections for a while, with changes meanwhile: the watch goes on where it was', async () => {
    await afresh()
    const before = lists()
    await on.proxy.refuse()
    await changeEverything()
    await on.proxy.restore()
    await settled()
    assert.deepEqual(told(on.receiver), seen)
    assert.equal(lists(), before)
  })

  test('a connection that goes silent, new ones too: given up and made anew until one speaks, and no list', async () => {
    await afresh()
    const before = lists()
    const taken = on.proxy.taken
    on.proxy.stall()
    await changeEverything()
    while (on.proxy.taken === taken) await sleep(20)
    await on.proxy.restore()
    await settled()
    assert.deepEqual(told(on.receiver), seen)
    assert.equal(lists(), before)
  })

  test('a half-open connection, whose server’s end is gone: given up, and no list', async () => {
    await afresh()
    const before = lists()
    on.proxy.orphan()
    await changeEverything()
    await settled()
    assert.deepEqual(told(on.receiver), seen)
    assert.equal(lists(), before)
  })

  test('an API server that is killed and starts again with its history compacted (410): exactly the difference is told', async () => {
    await afresh()
    const before = lists()
    await on.proxy.refuse()
    await changeEverything()
    await on.server.compact()
    await on.server.restartApiServer()
    await on.proxy.restore()
    await settled()
    assert.deepEqual(told(on.receiver), recovered)
    assert.equal(lists(), before + 1)
    await update('d', 'after')
    await settled()
    assert.equal(told(on.receiver).at(-1), 'updated live d')
  })

  test('an API server that is killed under an open watch: what comes after its restart is told once', async () => {
    await afresh()
    await on.server.kill()
    await on.server.restartApiServer()
    await changeEverything()
    await settled()
    const anyReason = (each: string) => each.replace(/live|recovered/, '')
    assert.deepEqual(told(on.receiver).map(anyReason).sort(), seen.map(anyReason).sort())
  })
})

function described(map: unknown): string {
  const { metadata, data } = isMap(map) ? map : { metadata: { name: '' }, data: {} }
  return `${metadata.name}=${data?.value?.slice(0, 10) ?? ''}`
}

const isMap = (
  value: unknown,
): value is { readonly metadata: { readonly name: string }; readonly data?: { readonly value?: string } } =>
  typeof value === 'object' && value !== null && 'metadata' in value
