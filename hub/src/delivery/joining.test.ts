import assert from 'node:assert/strict'
import test from 'node:test'
import type { EventType } from '../config/model.ts'
import { contextText } from './contexts.ts'
import type { Item } from './formats/format.ts'
import { parkedBatch } from './frozen.ts'
import { isOutdated, itemOf, joined, renewed } from './joining.ts'
import { objectKeyOf } from './object-key.ts'
import { createParking, type Parking } from './parking.ts'
import { endpointConfig, logRow } from './testing/rows.ts'

const context = contextText({ cluster: { name: 'prod-eu-1', uid: 'c', labels: {}, metadata: {} }, watches: {} })
const making = { endpoint: endpointConfig({ history: 'latest' }), attach: {}, source: '', now: () => 1_000 }

const event = (sequence: number, type: EventType, uid: string): Item => ({
  row: logRow({ sequence, uid, name: 'shop', body: `{"n":${sequence}}` }),
  member: { sequence, type, watches: ['load-balancers'] },
  context,
})

/** An object with one event that was tried and refused. */
function parkedBy(item: Item): Parking {
  const parking = createParking()
  const standing = { object: objectKeyOf(item.row), firstAttemptAt: 500, attempts: 1, nextAttemptAt: 900, reason: 'answered 400' }
  parking.add(parkedBatch(item, standing, making))
  return parking
}

function join(parking: Parking, ...items: readonly Item[]): void {
  const { batches = [], replaced = [] } = joined(items, { parking, making })
  for (const { id, by } of replaced) parking.replace(id, by)
  for (const batch of batches) parking.add(batch)
}

function renew(parking: Parking): void {
  const [object] = parking.all()
  for (const { id, by } of (object && renewed(object, making)?.replaced) ?? []) parking.replace(id, by)
}

const waiting = (parking: Parking): readonly string[] =>
  parking.all().flatMap(({ batches }) =>
    batches.map((batch) => {
      const { row, member } = itemOf(batch)
      return `${member.type} ${row.object.uid} ${member.sequence}`
    }),
  )

test('of one uid, the newest state waits, and takes the place of what was tried when its turn comes', () => {
  const parking = parkedBy(event(1, 'created', 'a'))
  join(parking, event(2, 'updated', 'a'))
  join(parking, event(3, 'updated', 'a'))
  assert.deepEqual(waiting(parking), ['created a 1', 'updated a 3'])
  renew(parking)
  assert.deepEqual(waiting(parking), ['updated a 3'])
  assert.equal(parking.all()[0]?.batches[0]?.parking.firstAttemptAt, 500)
})

test('of an object that was re-created, the old one is deleted before the new one is told', () => {
  const parking = parkedBy(event(1, 'created', 'a'))
  join(parking, event(2, 'deleted', 'a'), event(3, 'created', 'b'))
  join(parking, event(4, 'updated', 'b'))
  renew(parking)
  assert.deepEqual(waiting(parking), ['deleted a 2', 'updated b 4'])
})

test('a deletion that is refused while the new object waits behind it is tried again as it is', () => {
  const parking = parkedBy(event(2, 'deleted', 'a'))
  join(parking, event(3, 'created', 'b'))
  const [object] = parking.all()
  assert.ok(object !== undefined)
  assert.equal(isOutdated(object, making.endpoint), false)
  assert.equal(renewed(object, making), undefined)
})

test('what comes next is left as it is, tried or not: an attempt of it may begin at any time', () => {
  const parking = createParking()
  const item = event(1, 'created', 'a')
  parking.add(parkedBatch(item, { object: objectKeyOf(item.row), attempts: 0, nextAttemptAt: 900, reason: 'waits' }, making))
  join(parking, event(2, 'updated', 'a'))
  assert.deepEqual(waiting(parking), ['created a 1', 'updated a 2'])
})

test('what joins comes as new, also where it takes the place of what waited, so that a guard sees it', () => {
  const parking = parkedBy(event(1, 'created', 'a'))
  join(parking, event(2, 'updated', 'a'))
  const later = event(3, 'deleted', 'a')
  const taken: Item = { ...later, member: { ...later.member, reason: 'unwatched' } }
  const { batches = [], replaced = [] } = joined([taken], { parking, making })
  assert.deepEqual(
    batches.flatMap(({ frozen }) => frozen.members.map(({ type, reason }) => [type, reason])),
    [['deleted', 'unwatched']],
  )
  assert.deepEqual(
    replaced.map(({ by }) => by),
    [[]],
  )
})
