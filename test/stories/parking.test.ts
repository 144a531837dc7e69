/** An object that its receiver cannot take: it is parked, everything else goes on; it heals, or is given up and told again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DeliveryStage, setDeliveryStage } from '../support/delivery-stage.ts'
import { configMap } from '../support/objects.ts'
import type { Item, ReceivedRequest } from '../support/receiver.ts'

const isPoison = ({ name, object }: Item) => name === 'poison' && JSON.stringify(object).includes('"bad":"yes"')
const refusesPoison = ({ items }: ReceivedRequest) =>
  items.some(isPoison) ? { status: 422, body: { error: 'bad is not allowed' } } : {}

const revOf = ({ receiver }: DeliveryStage, name: string) => {
  const item = [...receiver.table.values()].find((each) => each.name === name)
  const data = item?.object?.data
  return typeof data === 'object' && data !== null && 'rev' in data ? data.rev : undefined
}
const arrives = (on: DeliveryStage, name: string, rev: string) =>
  on.receiver.waitFor(() => revOf(on, name) === rev, `${name} in revision ${rev}`, 40_000)

const endpoint = { batch: { maxObjects: 50, maxWait: '300ms' }, concurrency: 4 }

test('a batch with one object that is refused is halved down to it: the others arrive, it is parked, and heals with its next good state', {
  timeout: 120_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint })
  const { world, simulator, receiver } = on
  receiver.answerWith(refusesPoison)
  simulator.create('configmaps', configMap('poison', { bad: 'yes', rev: '1' }))
  for (let i = 0; i < 40; i++) simulator.create('configmaps', configMap(`fine-${i}`, { rev: '1' }))
  await receiver.waitFor(({ table }) => table.size === 40, 'the other forty', 20_000)
  await world.status(({ endpoints: [out] }) => out?.parked.objects === 1, 'the parked object')

  // What comes now of the others passes it by, and so do objects that never were with it.
  simulator.patch('configmaps', 'default/fine-7', { data: { rev: '2' } })
  simulator.create('configmaps', configMap('later', { rev: '1' }))
  await arrives(on, 'fine-7', '2')
  await arrives(on, 'later', '1')
  assert.equal(revOf(on, 'poison'), undefined)
  const { output } = await world.cli('endpoint', 'show', 'out')
  assert.match(output, /poison/)
  assert.match(output, /422/)

  simulator.patch('configmaps', 'default/poison', { data: { bad: 'no', rev: '2' } })
  await arrives(on, 'poison', '2')
  const status = await world.status(({ endpoints: [out] }) => out?.parked.objects === 0 && out.backlog === 0, 'nothing parked')
  assert.equal(status.endpoints[0]?.deadLetters.count, 0)
})

test('what is refused for longer than maxAge is a dead letter; the next state of the object arrives whole, and a replay tells what is true then', {
  timeout: 180_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint: { ...endpoint, history: 'every', retry: { maxAge: '1s' } } })
  const { world, simulator, receiver } = on
  receiver.answerWith(refusesPoison)
  simulator.create('configmaps', configMap('poison', { bad: 'yes', rev: '1' }))
  await world.status(({ endpoints: [out] }) => out?.parked.objects === 1, 'the parked object')
  simulator.patch('configmaps', 'default/poison', { data: { bad: 'no', rev: '2' } })
  await arrives(on, 'poison', '2')
  await world.status(({ endpoints: [out] }) => out?.deadLetters.count === 1 && out.parked.objects === 0, 'the dead letter')

  const listed = await world.cli('dead-letters', 'list', '--endpoint', 'out', '-o', 'json')
  const [letter] = JSON.parse(listed.output)
  assert.deepEqual([letter.type, letter.object.name, letter.status, letter.cause], ['created', 'poison', 422, 'http_4xx'])
  const shown = await world.cli('dead-letters', 'show', letter.id)
  assert.match(shown.output, /bad is not allowed/)
  assert.match(shown.output, /"rev": ?"1"/)

  const before = receiver.items.length
  const replayed = await world.cli('dead-letters', 'replay', letter.id, '-o', 'json')
  assert.equal(replayed.code, 0, replayed.output)
  await receiver.waitFor(({ items }) => items.length > before, 'the replay')
  const told = receiver.items.at(-1)
  assert.deepEqual([told?.reason, told?.type, told?.name, revOf(on, 'poison')], ['replay', 'updated', 'poison', '2'])
  await world.status(({ endpoints: [out] }) => out?.deadLetters.count === 0 && out.backlog === 0, 'no dead letter')
})

test('an object that is gone by the time of the replay is not told again', { timeout: 120_000 }, async () => {
  await using on = await setDeliveryStage({ endpoint: { ...endpoint, retry: { maxAge: '1s' } } })
  const { world, simulator, receiver } = on
  receiver.answerWith(({ items }) => ({
    status: 200,
    body: { failures: items.filter(isPoison).map(({ id }) => ({ id, message: 'never', retry: false })) },
  }))
  simulator.create('configmaps', configMap('poison', { bad: 'yes', rev: '1' }))
  simulator.create('configmaps', configMap('fine', { rev: '1' }))
  await arrives(on, 'fine', '1')
  await world.status(({ endpoints: [out] }) => out?.deadLetters.count === 1, 'a dead letter at once', 10_000)
  receiver.answerWith(() => ({}))
  simulator.delete('configmaps', 'default/poison')
  await receiver.waitFor(({ items }) => items.some(({ type, name }) => type === 'deleted' && name === 'poison'), 'the deletion')

  const replayed = await world.cli('dead-letters', 'replay', '--endpoint', 'out', '-o', 'json')
  assert.match(replayed.output, /"gone"/)
  await world.status(({ endpoints: [out] }) => out?.deadLetters.count === 0, 'no dead letter')
  assert.ok(!receiver.items.some(({ reason }) => reason === 'replay'))
})
