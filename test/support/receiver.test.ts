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
