import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Receiver, startReceiver } from './receiver.ts'

interface Told {
  readonly type: string
  readonly name: string
  readonly sequence: number
}

const item = ({ type, name, sequence }: Told) => ({
  id: `e${sequence}`,
  type,
  sequence: String(sequence).padStart(20, '0'),
  cluster: { name: 'c1', uid: 'cu', labels: {} },
  watches: ['w'],
  resource: {
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    resource: 'deployments',
    namespace: 'team-a',
    name,
    uid: `u-${name}`,
  },
  object: { spec: { sequence } },
})

const post = (receiver: Receiver, ...told: readonly Told[]) =>
  fetch(receiver.url, { method: 'POST', body: JSON.stringify({ version: '1', id: 'b', items: told.map(item) }) })

test('a receiver records requests and keeps the newest state of each object', async () => {
  await using receiver = await startReceiver()
  await post(receiver, { type: 'created', name: 'a', sequence: 1 }, { type: 'created', name: 'b', sequence: 2 })
  await post(receiver, { type: 'updated', name: 'a', sequence: 3 }, { type: 'deleted', name: 'b', sequence: 4 })
  assert.equal(receiver.requests.length, 2)
  assert.deepEqual(receiver.names, ['team-a/a'])
  const [kept] = receiver.table.values()
  assert.deepEqual([kept?.key, kept?.resource, kept?.object], ['cu/u-a', 'deployments.apps', { spec: { sequence: 3 } }])
  assert.deepEqual(
    receiver.items.map(({ type }) => type),
    ['created', 'created', 'updated', 'deleted'],
  )
})

test('a sequence that is not greater is ignored, also after a deletion', async () => {
  await using receiver = await startReceiver()
  await post(receiver, { type: 'created', name: 'a', sequence: 5 }, { type: 'updated', name: 'a', sequence: 5 })
  await post(receiver, { type: 'deleted', name: 'a', sequence: 7 }, { type: 'updated', name: 'a', sequence: 6 })
  assert.deepEqual(receiver.names, [])
  assert.deepEqual(
    receiver.ignored.map(({ id }) => id),
    ['e5', 'e6'],
  )
})

test('a patch is applied to what is held; one of something else is found out in the end', async () => {
  const receiver = await startReceiver()
  const patch = (sequence: number, base: number, spec: object) => {
    const { object: _, ...rest } = item({ type: 'updated', name: 'a', sequence })
    return { ...rest, patch: { spec }, base: String(base).padStart(20, '0') }
  }
  const send = (...items: readonly object[]) =>
    fetch(receiver.url, { method: 'POST', body: JSON.stringify({ version: '1', id: 'b', items }) })
  await post(receiver, { type: 'created', name: 'a', sequence: 1 })
  await send(patch(2, 1, { more: true }), patch(2, 1, { more: false }), patch(3, 2, { sequence: null }))
  assert.deepEqual(receiver.table.get('cu/u-a')?.object, { spec: { more: true } })
  await send(patch(5, 4, { lost: true }))
  assert.deepEqual(receiver.table.get('cu/u-a')?.object, { spec: { more: true } })
  await assert.rejects(
    async () => receiver[Symbol.asyncDispose](),
    /expected patches only of what this receiver holds, got .*"lost"/,
  )
})

test('what is answered with an error or named as a failure does not reach the table', async () => {
  await using receiver = await startReceiver({ answer: () => ({ status: 503, headers: { 'retry-after': '1' } }) })
  const refused = await post(receiver, { type: 'created', name: 'a', sequence: 1 })
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1'])
  receiver.answerWith(() => ({ body: { failures: [{ id: 'e2', message: 'no', retry: true }] } }))
  const partly = await post(receiver, { type: 'created', name: 'b', sequence: 2 }, { type: 'created', name: 'c', sequence: 3 })
  assert.deepEqual(await partly.json(), { failures: [{ id: 'e2', message: 'no', retry: true }] })
  assert.deepEqual(receiver.names, ['team-a/c'])
  assert.equal(receiver.requests.length, 2)
})

test('other formats are recorded as they are', async () => {
  await using receiver = await startReceiver()
  await fetch(receiver.url, { method: 'POST', body: '{"data":[]}', headers: { 'x-api-key': 'k' } })
  await fetch(receiver.url, { method: 'POST', body: 'no json' })
  assert.deepEqual(
    receiver.requests.map(({ body, raw }) => [body, raw]),
    [
      [{ data: [] }, '{"data":[]}'],
      [undefined, 'no json'],
    ],
  )
  assert.equal(receiver.requests[0]?.headers['x-api-key'], 'k')
})

test('waitFor resolves on arrival and says what was missing when nothing comes', async () => {
  await using receiver = await startReceiver()
  const arrived = receiver.waitFor(({ names }) => names.includes('team-a/a'), 'a')
  await post(receiver, { type: 'created', name: 'a', sequence: 1 })
  await arrived
  await assert.rejects(
    receiver.waitFor(() => false, 'the impossible', 1),
    /the impossible; got 1 requests with 1 accepted items, the last: created a/,
  )
})

test('a hanging receiver can be stopped, and a resetting one closes the connection', async () => {
  const receiver = await startReceiver({ answer: () => ({ hang: true }) })
  const hanging = assert.rejects(post(receiver, { type: 'created', name: 'a', sequence: 1 }))
  await receiver.waitFor(({ requests }) => requests.length === 1, 'the request')
  receiver.answerWith(() => ({ reset: true }))
  await assert.rejects(post(receiver, { type: 'created', name: 'a', sequence: 1 }))
  assert.equal(receiver.table.size, 0)
  await receiver[Symbol.asyncDispose]()
  await hanging
})

test('clear forgets what came and keeps the table', async () => {
  await using receiver = await startReceiver()
  await post(receiver, { type: 'created', name: 'a', sequence: 1 })
  receiver.clear()
  assert.deepEqual([receiver.requests.length, receiver.items.length, receiver.names], [0, 0, ['team-a/a']])
})

const scanned = (scan: string, name: string, sequence: number, watches: readonly string[] = ['w']) => {
  const told = item({ type: 'updated', name, sequence })
  return { ...told, id: `${scan}-${told.sequence}`, watches }
}
const marker = (scan: string, since: number, watch = 'w', uid = 'cu') => ({
  id: `${scan}-synced`,
  type: 'synced',
  sequence: String(since + 1).padStart(20, '0'),
  cluster: { name: 'c1', uid },
  watches: [watch],
  scan,
  since: String(since).padStart(20, '0'),
  count: 1,
})
const postAll = (receiver: Receiver, ...items: readonly unknown[]) =>
  fetch(receiver.url, { method: 'POST', body: JSON.stringify({ version: '1', id: 'b', items }) })

test('a marker sweeps what neither its scan told nor anything since the scan began', async () => {
  await using receiver = await startReceiver({ sweeps: true })
  for (const name of ['ghost', 'told', 'changed']) await post(receiver, { type: 'created', name, sequence: 3 })
  await post(receiver, { type: 'updated', name: 'changed', sequence: 12 })
  await postAll(receiver, scanned('s1', 'told', 3), marker('s1', 10))
  assert.deepEqual(receiver.names, ['team-a/changed', 'team-a/told'])
  assert.deepEqual(
    [receiver.swept.map(({ name }) => name), receiver.ignored.map(({ name }) => name), receiver.markers.length],
    [['ghost'], ['told'], 1],
  )
  await post(receiver, { type: 'created', name: 'ghost', sequence: 3 })
  assert.equal(receiver.names.length, 3)
})

test('a marker sweeps nothing of other watches and other clusters', async () => {
  await using receiver = await startReceiver({ sweeps: true })
  await post(receiver, { type: 'created', name: 'a', sequence: 3 })
  await postAll(receiver, marker('s1', 10, 'other'), marker('s2', 10, 'w', 'elsewhere'))
  assert.deepEqual(receiver.names, ['team-a/a'])
  // It has passed to another watch without an event; the scan of the old one says so.
  await postAll(receiver, scanned('s3', 'a', 3, ['other']), marker('s3', 10), marker('s4', 10))
  assert.deepEqual(receiver.names, ['team-a/a'])
  await postAll(receiver, marker('s5', 10, 'other'))
  assert.deepEqual(receiver.names, [])
})

test('a marker sweeps nothing that its own scan told, whatever told it afterwards', async () => {
  await using receiver = await startReceiver({ sweeps: true })
  await post(receiver, { type: 'created', name: 'a', sequence: 3 })
  await postAll(
    receiver,
    scanned('s1', 'a', 3),
    scanned('s2', 'a', 3),
    scanned('replay', 'a', 3),
    marker('s1', 10),
    marker('s2', 10),
  )
  assert.deepEqual(receiver.names, ['team-a/a'])
  await postAll(receiver, marker('s1', 10))
  assert.deepEqual(receiver.names, [])
})

test('a marker sweeps nothing unless the receiver was told to', async () => {
  await using receiver = await startReceiver()
  await post(receiver, { type: 'created', name: 'a', sequence: 3 })
  await postAll(receiver, marker('s1', 10))
  assert.deepEqual([receiver.names.length, receiver.markers.length], [1, 1])
})
