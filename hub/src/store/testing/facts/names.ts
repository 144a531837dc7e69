/** Facts about names of watches that are used again: for other kinds, for other endpoints. Who never held an object is told of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FrameStream } from '@watch-hub/shared/protocol/frames'
import type { MakeLab } from '../../store.contract.ts'
import type { ClusterRoutes } from '../../store.ts'
import { activation, bare, freezeChunk, scanAll, seen, services, startAgent, streamId, synced, told, watch } from '../world.ts'

const list = { cause: 'list' } as const
const live = { cause: 'live', change: 'modified' } as const
const cmdbs = watch({ endpoints: ['cmdb'] })

/** Watches by kind, in one stream each. */
const plan = (name: string, of: { readonly services?: readonly string[]; readonly pods?: readonly string[] }) =>
  ({
    plan: name,
    streams: [
      ...(of.services === undefined ? [] : [{ id: streamId, resource: 'services', watches: of.services }]),
      ...(of.pods === undefined ? [] : [{ id: 'pods-whole', resource: 'pods', watches: of.pods }]),
    ],
  }) satisfies Partial<ClusterRoutes>

const pods: FrameStream = { ...services('pods-whole'), resource: 'pods', kind: 'Pod' }

export function nameFacts(lab: MakeLab): void {
  test('a watch that gets a kind which others alone had by its name is scanned', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: cmdbs }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    await store.activate(activation({ lb: watch() }, plan('p2', { pods: ['lb'] })))
    assert.deepEqual(told(await scanAll(store)), [])
    await store.activate(activation({ lb: watch() }, plan('p3', { services: ['lb'], pods: ['lb'] })))
    assert.deepEqual(told(await scanAll(store)), ['a dns created initial lb'])
  })

  test('a watch that gets a kind which the hub holds nothing of is not told again', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    await store.activate(activation({ lb: watch() }, plan('p2', { services: ['lb'], pods: ['lb'] })))
    assert.deepEqual((await store.endpoint('dns')).scans, [])
    const sent = { plan: 'p2', streams: [pods] }
    assert.deepEqual(told(await agent.send([seen('b', list), synced({ lb: 'd1' })], sent)), ['b dns created initial lb'])
  })

  test('a kind that a watch had for the endpoint, lost and gets again is not told again', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const both = activation({ lb: watch() }, plan('p1', { services: ['lb'], pods: ['lb'] }))
    await store.activate(both)
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    await store.activate(activation({ lb: watch() }, plan('p2', { pods: ['lb'] })))
    await store.activate(both)
    assert.deepEqual((await store.endpoint('dns')).scans, [])
    assert.deepEqual(told(await agent.send([bare('a', { ...list, hash: 'h1', resourceVersion: '2' })])), [])
  })

  test('an object that others had by a name is new to the endpoint that has the name for another kind', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: cmdbs }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1' })])
    await store.activate(activation({ lb: watch(), all: watch() }, plan('p2', { services: ['all'], pods: ['lb'] })))
    assert.deepEqual(told(await scanAll(store)), [])
    const moved = bare('a', { ...list, change: 'modified', matches: ['all'] })
    assert.deepEqual(told(await agent.send([moved, synced({ all: 'd1' })], { plan: 'p2' })), ['a dns created initial all'])
  })

  test('what came after an endpoint had left a watch is new to it, also by a watch that is not new to the object', async () => {
    for (const others of [['cmdb'], []]) {
      await using world = await lab()
      const { store } = await world.open()
      const left = watch({ endpoints: others })
      const on = (watches: Parameters<typeof activation>[0], name: string) => ({
        ...activation(watches, { plan: name }),
        endpoints: ['cmdb', 'dns'],
      })
      await store.activate(on({ lb: watch({ endpoints: ['dns', ...others] }) }, 'p1'))
      const agent = await startAgent(store)
      await agent.send([synced({ lb: 'd1' })])
      await store.activate(on({ lb: left }, 'p1'))
      assert.deepEqual(
        told(await agent.send([seen('a')])),
        others.map((endpoint) => `a ${endpoint} created - lb`),
      )
      await store.activate(on({ lb: left, web: watch({ definition: 'd2' }) }, 'p2'))
      const taken = bare('a', { ...list, change: 'modified', matches: ['lb', 'web'] })
      const rows = await agent.send([taken, synced({ lb: 'd1', web: 'd2' })], { plan: 'p2' })
      assert.deepEqual(told(rows), ['a dns created initial web'])
    }
  })

  test('an object that begins to match a watch behind the back of its scan is told by the log', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: cmdbs, web: cmdbs }))
    const agent = await startAgent(store)
    await agent.send([seen('a', list), synced({ lb: 'd1', web: 'd1' })])
    await store.activate(activation({ lb: watch({ definition: 'd2' }), web: watch() }, { plan: 'p2' }))
    const { scans, cursor } = await store.endpoint('dns')
    const id = scans.find(({ watch: name }) => name === 'web')?.id ?? ''
    const chunk = await store.readScan(id, { rows: 10, bytes: 1e9 })
    assert.deepEqual([chunk.rows, chunk.done], [[], true])
    const rows = await agent.send([bare('a', { ...live, matches: ['lb', 'web'] })])
    assert.deepEqual(told(rows), ['a dns created in-scope web'])
    await freezeChunk(store, { endpoint: 'dns', cursor, id, chunk })
  })
}
