/** Formats on their way out: what a real receiver is sent of them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { HTTP } from 'cloudevents'
import { eventually } from '../testing/eventually.ts'
import { startReceiver } from '../testing/receiver.ts'
import { endpointConfig } from '../testing/rows.ts'
import { startWorld } from '../testing/world.ts'

const endpoint = (url: string, parts: Parameters<typeof endpointConfig>[0]) => endpointConfig({ url, markers: true, ...parts })

for (const format of ['cloudevents', 'cloudevents-binary'] as const)
  test(`${format}: one event per request, the marker of a scan in one of its own`, async () => {
    await using world = await startWorld()
    await using receiver = await startReceiver()
    await world.commit({ endpoints: [] })
    await world.append([{ uid: 'a' }, { uid: 'b' }, { uid: '', synced: true }])
    await world.commit({ endpoints: [endpoint(receiver.url, { format })] })
    await using _delivery = world.deliver({}, { source: 'https://hub.example.com' })
    await receiver.requests(3)
    const events = receiver.received.flatMap((request) => HTTP.toEvent(request))
    assert.deepEqual(
      events.map(({ type, subject, source }) => [type, subject, source]),
      [
        ['dev.watch-hub.resource.created', 'services/web/a', 'https://hub.example.com/clusters/prod-eu-1'],
        ['dev.watch-hub.resource.created', 'services/web/b', 'https://hub.example.com/clusters/prod-eu-1'],
        ['dev.watch-hub.resource.synced', undefined, 'https://hub.example.com/clusters/prod-eu-1'],
      ],
    )
    assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 3)
  })

test('what a request depends on is written down with it: later settings concern later requests', async () => {
  await using world = await startWorld()
  await using receiver = await startReceiver()
  receiver.otherwise(503)
  await world.commit({ endpoints: [endpointConfig({ url: receiver.url, format: 'cloudevents-batch' })] })
  {
    await using _delivery = world.deliver({}, { source: 'https://old.example.com' })
    await world.append([{ uid: 'a' }])
    await receiver.requests(1)
  }
  receiver.otherwise(200)
  await world.commit({ endpoints: [endpointConfig({ url: receiver.url, format: 'watch-hub' })] })
  await using _delivery = world.deliver({}, { source: 'https://new.example.com' })
  await receiver.requests(2)
  const [first, again] = receiver.received
  assert.deepEqual(
    [again?.id, again?.body, again?.headers['content-type']],
    [first?.id, first?.body, first?.headers['content-type']],
  )
  assert.match(again?.body ?? '', /"source":"https:\/\/old\.example\.com\/clusters\/prod-eu-1"/)
})

test('a body is what its expression makes; an object that it cannot be made of waits alone', async () => {
  await using world = await startWorld()
  await using receiver = await startReceiver()
  const body = '{"ports": payload.items.map(i, i.object.port)}'
  await world.commit({ endpoints: [endpointConfig({ url: receiver.url, body })] })
  await using delivery = world.deliver()
  await world.append([
    { uid: 'a', body: '{"port":80}' },
    { uid: 'b', body: '{}' },
    { uid: 'c', body: '{"port":9007199254740993}' },
  ])
  await receiver.requests(2)
  await eventually(async () => (await delivery.detail('dns'))?.parkedObjects.length === 1)
  assert.deepEqual(
    receiver.received.map((request) => request.body),
    ['{"ports":[80]}', '{"ports":[9007199254740993]}'],
  )
})
