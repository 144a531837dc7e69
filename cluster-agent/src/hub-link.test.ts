import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { encodeIndexChunk } from '@watch-hub/shared/protocol/messages'
import { pack } from '@watch-hub/shared/protocol/wire'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { startHubLink } from './hub-link.ts'
import { identityOf, newIdentity } from './identity.ts'
import { createOutbox } from './outbox.ts'
import { type PlayedConnection, playedHub } from './testing/played-hub.ts'

const identity = identityOf({ ...newIdentity({ cluster: 'c', clusterUid: 'u' }), hub: 'hub-1' })
const never = new AbortController().signal
const stream = { id: 's', group: '', resource: 'services', version: 'v1', kind: 'Service', namespaced: true }

function setUp() {
  const hub = playedHub()
  const outbox = createOutbox()
  const heard: string[] = []
  const link = startHubLink({
    dial: hub.dial,
    outbox,
    identity: () => identity,
    rejoin: async () => false,
    status: () => ({ received: '', active: '', streams: {}, figures: {} }),
    onPlan: () => {},
    onLostData: () => heard.push('lost data'),
    onReload: (id, reason) => heard.push(`reload ${id}: ${reason}`),
    explain: async ({ name }) => {
      if (name === 'bug') throw new Error('a bug')
      return { plan: `asked about ${name}`, streams: [] }
    },
    sleep: (_ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason))
        setImmediate(resolve)
      }),
    random: () => 0.5,
    log: silentLog,
  })
  const offer = (name: string) => {
    const of = { uid: name, namespace: '', name, resourceVersion: '1', observedAt: 1 }
    const entry = { ...of, cause: 'live', change: 'gone', matches: [] } as const
    return outbox.offer({ stream, entry, plan: 'p' }, never)
  }
  return { hub, outbox, heard, link, offer, [Symbol.asyncDispose]: () => link[Symbol.asyncDispose]() }
}

const welcome = (
  connection: PlayedConnection,
  of: { readonly process?: number; readonly lastFrame?: number; readonly generation?: string } = {},
) => connection.say({ type: 'welcome', process: 3, lastFrame: 0, clusterUid: 'u', generation: 'g1', ...of })

/** Connected as process 3 of generation g1, with one frame acknowledged. */
async function connected() {
  const world = setUp()
  const connection = await world.hub.next()
  const hello = await connection.greet()
  assert.partialDeepStrictEqual(hello, { process: 0, generation: '', ackedFrame: 0 })
  welcome(connection)
  await world.offer('first')
  assert.equal((await connection.hear('frame')).number, 1)
  connection.say({ type: 'ack', frame: 1 })
  await world.outbox.drained(never)
  return { ...world, connection }
}

suite('a hub link', () => {
  test('goes on with its number where the hub goes on, and says in which history it got it', async () => {
    await using world = await connected()
    world.connection.end()
    await world.offer('second')
    const again = await world.hub.next()
    assert.partialDeepStrictEqual(await again.greet(), { process: 3, generation: 'g1', ackedFrame: 1 })
    welcome(again, { lastFrame: 1 })
    assert.partialDeepStrictEqual(await again.hear('frame'), { process: 3, number: 2 })
    assert.deepEqual(world.heard, [])
  })

  test('starts over when it is given another number, though nothing it has an ack for is missing', async () => {
    await using world = setUp()
    const first = await world.hub.next()
    await first.greet()
    welcome(first)
    await first.hear('status')
    first.end()
    await world.offer('of an index that the hub does not have')
    const again = await world.hub.next()
    assert.partialDeepStrictEqual(await again.greet(), { process: 3, ackedFrame: 0 })
    welcome(again, { process: 4, generation: 'g2' })
    await again.hear('status')
    assert.deepEqual(world.heard, ['lost data'])
    assert.equal(world.outbox.figures().entries, 0)
    await world.offer('anew')
    assert.partialDeepStrictEqual(await again.hear('frame'), { process: 4, number: 1 })
    again.end()
    assert.partialDeepStrictEqual(await (await world.hub.next()).greet(), { process: 4, generation: 'g2' })
  })

  for (const [what, lastFrame] of [
    ['fewer frames than it acknowledged', 0],
    ['more frames than were ever made', 7],
  ] as const)
    test(`starts over as a new process when the hub holds ${what}`, async () => {
      await using world = await connected()
      world.connection.end()
      const again = await world.hub.next()
      await again.greet()
      welcome(again, { lastFrame })
      const after = await world.hub.next()
      assert.partialDeepStrictEqual(await after.greet(), { process: 0, generation: '', lost: true, ackedFrame: 0 })
      assert.deepEqual(world.heard, ['lost data'])
      welcome(after, { process: 9, lastFrame: 0 })
      await after.hear('status')
      after.end()
      const { lost } = await (await world.hub.next()).greet()
      assert.equal(lost, undefined, 'it is said once')
    })

  test('passes on which index is to be loaded anew', async () => {
    await using world = await connected()
    world.connection.say({ type: 'reload', stream: 's', reason: 'it differs' })
    world.connection.say({ type: 'index-end', request: 99, objects: 0, checksum: 0 })
    const loading = world.link.loadIndex('s', never)
    const first = loading.next()
    const { request } = await world.connection.hear('index-request')
    const objects = [{ uid: 'u', namespace: '', name: 'n', resourceVersion: '1', hash: 'h', matches: ['w'] }]
    world.connection.sayBytes(await pack('index', encodeIndexChunk(request, objects)))
    world.connection.say({ type: 'index-end', request, objects: 1, checksum: 5, doubted: true })
    assert.deepEqual(await first, { done: false, value: objects })
    assert.deepEqual(await loading.next(), { done: true, value: { checksum: 5, doubted: true } })
    assert.deepEqual(world.heard, ['reload s: it differs'])
  })

  test('answers questions by their numbers, and stays though one cannot be answered', async () => {
    await using world = await connected()
    const about = { group: '', resource: 'services', namespace: 'web' }
    for (const [i, name] of ['shop', 'bug', 'cart'].entries())
      world.connection.say({ type: 'explain', request: i + 1, ...about, name })
    const answers = [await world.connection.hear('explanation'), await world.connection.hear('explanation')]
    assert.deepEqual(
      answers.map(({ request, plan }) => [request, plan]),
      [
        [1, 'asked about shop'],
        [3, 'asked about cart'],
      ],
    )
  })

  test('says goodbye when it is stopped, not when the connection breaks', async () => {
    const world = await connected()
    await world.link[Symbol.asyncDispose]()
    assert.equal((await world.connection.hear('bye')).reason, 'the agent stops')
  })
})
