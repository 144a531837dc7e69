/** Facts about `append`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MakeLab } from '../../store.contract.ts'
import { activation, bare, bodyOf, cluster, gone, indexOf, out, routes, seen, startAgent, synced, told, watch } from '../world.ts'

export function appendFacts(lab: MakeLab): void {
  test('an object that is seen first becomes a log row, a route and an index entry', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const before = Date.now()
    const [row, ...more] = await agent.send([seen('shop')])
    assert.deepEqual(more, [])
    assert.ok(row !== undefined && row.sequence >= before * 1000)
    const { sequence: _, context: __, appendedAt, ...rest } = row
    assert.ok(appendedAt >= before)
    assert.deepEqual(rest, {
      cluster,
      stream: 'services-whole',
      object: {
        group: '',
        version: 'v1',
        kind: 'Service',
        resource: 'services',
        namespace: 'team-web',
        name: 'shop',
        uid: 'uid-shop',
        resourceVersion: '1',
      },
      observedAt: 1_000,
      cause: 'live',
      change: 'added',
      matches: ['lb'],
      routes: [{ endpoint: 'dns', type: 'created', watches: ['lb'] }],
      body: bodyOf('shop'),
    })
    assert.deepEqual(await indexOf(store), [
      { uid: 'uid-shop', namespace: 'team-web', name: 'shop', resourceVersion: '1', hash: 'h1', matches: ['lb'] },
    ])
  })

  test('the events of an object follow from what the store holds of it', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch(), nodes: watch({ endpoints: ['cmdb', 'dns'] }) }))
    const agent = await startAgent(store)
    const rows = [
      ...(await agent.send([seen('shop'), seen('shop', { change: 'modified', hash: 'h2', resourceVersion: '2' })])),
      ...(await agent.send([seen('shop', { change: 'modified', hash: 'h3', resourceVersion: '3', matches: ['nodes', 'lb'] })])),
      ...(await agent.send([out('shop')])),
      ...(await agent.send([seen('shop', { change: 'modified', hash: 'h3' }), gone('shop')])),
    ]
    assert.deepEqual(told(rows), [
      'shop dns created - lb',
      'shop dns updated - lb',
      'shop cmdb created in-scope nodes',
      'shop dns updated - lb,nodes',
      'shop cmdb deleted out-of-scope nodes',
      'shop dns deleted out-of-scope lb,nodes',
      'shop dns created in-scope lb',
      'shop dns deleted - lb',
    ])
  })

  test('what a comparison finds is told with its reason', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const list = { cause: 'list' } as const
    const rows = [
      ...(await agent.send([seen('a', list), seen('b', list), seen('c', list), synced({ lb: 'd1' })])),
      ...(await agent.send([
        seen('d', list),
        seen('a', { ...list, hash: 'h2', resourceVersion: '2', change: 'modified' }),
        seen('b', { ...list, hash: 'h2', change: 'modified' }),
        gone('c', list),
        out('d', list),
      ])),
    ]
    assert.deepEqual(told(rows), [
      'a dns created initial lb',
      'b dns created initial lb',
      'c dns created initial lb',
      'd dns created recovered lb',
      'a dns updated recovered lb',
      'b dns updated recovered lb', // of the same version: the server's data came from a backup
      'c dns deleted recovered lb',
      'd dns deleted recovered lb',
    ])
  })

  test('an entry that changes nothing leaves no row, only its version', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const [first] = await agent.send([seen('shop')])
    assert.deepEqual(await agent.send([bare('shop', { change: 'modified', resourceVersion: '2' })]), [])
    assert.equal(await store.head(), first?.sequence)
    assert.deepEqual(
      (await indexOf(store)).map(({ resourceVersion }) => resourceVersion),
      ['2'],
    )
  })

  test('an object that was never held and matches nothing leaves no row', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    assert.deepEqual(await agent.send([gone('ghost'), out('other')]), [])
  })

  test('an entry that is routed to nobody has a row all the same', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch(), quiet: watch({ endpoints: [] }) }))
    const agent = await startAgent(store)
    const rows = await agent.send([seen('shop', { matches: ['quiet'] })])
    assert.deepEqual(
      rows.map(({ routes, matches }) => ({ routes, matches })),
      [{ routes: [], matches: ['quiet'] }],
    )
    assert.deepEqual(await store.tail(0, 10), rows)
  })

  test('an entry without a body takes the last known one along', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch(), nodes: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('shop', { hash: 'h7' })])
    const rows = await agent.send([bare('shop', { hash: 'h7', matches: ['nodes'], change: 'modified' }), gone('shop')])
    assert.deepEqual(
      rows.map(({ change, body }) => [change, body]),
      [
        ['modified', bodyOf('shop', 'h7')],
        ['gone', bodyOf('shop', 'h7')],
      ],
    )
    assert.deepEqual(await store.rows(rows.map(({ sequence }) => sequence)), rows)
  })

  test('a frame with an entry that differs and has no body is refused whole, and can be sent again', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const broken = agent.frame([seen('a'), bare('b')])
    await assert.rejects(store.append(cluster, broken), /frame 1: expected hash and body of b .* got no body/)
    assert.deepEqual(await indexOf(store), [])
    const repaired = await store.append(cluster, { ...broken, entries: [seen('a'), seen('b')] })
    assert.equal(repaired.kind, 'stored')
    assert.equal((await indexOf(store)).length, 2)
  })

  test('a deleted object that is created again under the same name is another object', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    await agent.send([seen('shop')])
    const rows = await agent.send([gone('shop'), seen('shop', { uid: 'another' })])
    assert.deepEqual(told(rows), ['shop dns deleted - lb', 'shop dns created - lb'])
    assert.deepEqual(
      (await indexOf(store)).map(({ uid }) => uid),
      ['another'],
    )
  })

  test('matches are kept in one order, whatever order they come in', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch(), nodes: watch() }))
    const agent = await startAgent(store)
    const [row] = await agent.send([seen('shop', { matches: ['nodes', 'lb', 'nodes'] })])
    assert.deepEqual(row?.matches, ['lb', 'nodes'])
    assert.deepEqual(await agent.send([bare('shop', { matches: ['lb', 'nodes'] })]), [])
  })

  test('a frame is stored once: again it is a duplicate, and none may be missing', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const first = agent.frame([seen('a')])
    assert.equal((await store.append(cluster, first)).kind, 'stored')
    assert.deepEqual(await store.append(cluster, first), { kind: 'duplicate', lastFrame: 1 })
    assert.equal((await store.tail(0, 10)).length, 1)
    const third = { ...agent.frame([seen('b')]), number: 3 }
    assert.deepEqual(await store.append(cluster, third), {
      kind: 'refused',
      code: 'gap',
      reason: 'prod-eu-1: expected frame 2 of process 1, got 3',
    })
  })

  test('a frame without entries counts', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    assert.deepEqual(await agent.send([]), [])
    assert.partialDeepStrictEqual(await store.openProcess(cluster, agent.process), { kind: 'opened', process: 1, lastFrame: 1 })
  })

  test('a process that was taken over, a plan that was never made and an agent that is not known are refused', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const old = await startAgent(store)
    const agent = await startAgent(store)
    const codeOf = async (append: ReturnType<typeof store.append>) => {
      const appended = await append
      return appended.kind === 'refused' ? appended.code : appended.kind
    }
    assert.equal(await codeOf(store.append(cluster, old.frame([]))), 'superseded')
    assert.equal(await codeOf(store.append(cluster, { ...agent.frame([]), number: 1, process: 7 })), 'gap')
    assert.equal(await codeOf(store.append(cluster, { ...agent.frame([], { plan: 'p9' }), number: 1 })), 'unknown-plan')
    assert.equal(await codeOf(store.append('elsewhere', agent.frame([]))), 'unknown-agent')
    await store.revoke(cluster, 5_000)
    assert.equal(await codeOf(store.append(cluster, { ...agent.frame([]), number: 1 })), 'unknown-agent')
  })

  test('a frame of an older plan means what that plan meant', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }, { plan: 'p1' }))
    await store.activate(activation({ nodes: watch() }, { plan: 'p2' }))
    const agent = await startAgent(store)
    const rows = [
      ...(await agent.send([seen('a')], { plan: 'p1' })),
      ...(await agent.send([seen('b', { matches: ['nodes'] })], { plan: 'p2' })),
    ]
    assert.deepEqual(told(rows), ['a dns created - lb', 'b dns created - nodes'])
  })

  test('an endpoint that is not in the Activation is told nothing, whatever the plan says', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate({ ...activation({ lb: watch({ endpoints: ['cmdb', 'dns'] }) }), endpoints: ['cmdb'] })
    const agent = await startAgent(store)
    assert.deepEqual(told(await agent.send([seen('shop')])), ['shop cmdb created - lb'])
  })

  test('a stream of an API group keeps its group', async () => {
    await using world = await lab()
    const { store } = await world.open()
    const stream = { id: 'd', group: 'apps', resource: 'deployments', version: 'v1', kind: 'Deployment', namespaced: true }
    await store.activate(activation({ lb: watch() }, { streams: [{ id: 'd', resource: 'deployments.apps', watches: ['lb'] }] }))
    const agent = await startAgent(store)
    const rows = await agent.send([seen('shop')], { streams: [stream] })
    const [read] = await store.rows(rows.map(({ sequence }) => sequence))
    assert.deepEqual(read, rows[0])
    assert.deepEqual((await store.stats()).inventory, [{ cluster, resource: 'deployments.apps', objects: 1 }])
  })

  test('listeners hear the rows of each append, in order, until they are disposed', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    const agent = await startAgent(store)
    const heard: string[] = []
    {
      using _listening = store.onAppend((rows) => void heard.push(...rows.map(({ object }) => object.name)))
      await Promise.all([agent.send([seen('a'), seen('b')]), agent.send([]), agent.send([seen('c')])])
    }
    await agent.send([seen('d')])
    assert.deepEqual(heard, ['a', 'b', 'c'])
  })

  test('of calls that wait together, one that fails fails alone', async () => {
    await using world = await lab()
    const { store } = await world.open()
    await store.activate(activation({ lb: watch() }))
    await store.activate({ endpoints: ['dns'], clusters: [routes({ lb: watch() }), routes({ lb: watch() }, { cluster: 'two' })] })
    const one = await startAgent(store)
    const two = await startAgent(store, 'two')
    const results = await Promise.allSettled([
      one.send([seen('a')]),
      two.send([seen('x'), bare('y')]),
      one.send([seen('b')]),
      store.endpoint('nobody'),
      store.setPaused('dns', { since: 1, by: 'ops' }),
      one.send([seen('c')]),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    )
    assert.deepEqual(
      (await store.tail(0, 10)).map(({ object }) => object.name),
      ['a', 'b', 'c'],
    )
  })
}
