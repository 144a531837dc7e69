/** Formats on their way out: what a real receiver is sent of them. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { HTTP } from 'cloudevents'
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
