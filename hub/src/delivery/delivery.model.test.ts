/** Random histories through the real store, with a receiver that fails at random and couriers that are stopped at random moments. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { eventually } from './testing/eventually.ts'
import { numbers } from './testing/numbers.ts'
import { payloadOf } from './testing/payload.ts'
import { startReceiver } from './testing/receiver.ts'
import { endpointConfig } from './testing/rows.ts'
import { clock } from './testing/sleeping.ts'
import { type Change, startWorld } from './testing/world.ts'

const uids = ['a', 'b', 'c', 'd', 'e', 'f', 'g']

/** A receiver's side of the contract: what it holds, and whether what it was sent ever went backwards. */
class Books {
  readonly table = new Map<string, string>()
  readonly #seen = new Map<string, string>()
  readonly #sequences = new Map<string, string>()
  repeats = 0

  apply(body: string): void {
    const { id, items } = payloadOf({ id: '', path: '', headers: {}, body })
    const before = this.#seen.get(id)
    if (before !== undefined) {
      assert.equal(body, before, `batch ${id} came again with other bytes`)
      this.repeats++
      return
    }
    this.#seen.set(id, body)
    for (const { type, sequence, resource, object } of items) {
      const last = this.#sequences.get(resource.uid) ?? ''
      assert.ok(sequence > last, `${resource.uid} went from ${last} to ${sequence}`)
      this.#sequences.set(resource.uid, sequence)
      if (type === 'deleted') this.table.delete(resource.uid)
      else this.table.set(resource.uid, JSON.stringify(object))
    }
  }
}

async function runHistory(seed: number): Promise<Books> {
  const next = numbers(seed)
  await using receiver = await startReceiver()
  await using world = await startWorld()
  const books = new Books()
  const truth = new Map<string, string>()
  const faults: Error[] = []
  receiver.otherwise((response, request) => {
    const chance = next(10)
    if (chance === 0) return void response.writeHead(503).end()
    if (chance === 1) return void request.socket.destroy()
    try {
      books.apply(receiver.received.at(-1)?.body ?? '')
    } catch (error) {
      faults.push(error instanceof Error ? error : new Error(String(error)))
    }
    if (chance === 2)
      request.socket.destroy() // it has the batch, and the hub does not know
    else response.writeHead(200).end()
  })
  const commit = () =>
    world.commit({
      endpoints: [
        endpointConfig({
          url: receiver.url,
          history: next(2) === 0 ? 'latest' : 'every',
          batch: { maxObjects: 1 + next(5), maxBytes: 1_000_000, maxWaitMs: next(2) * 50 },
        }),
      ],
    })
  await commit()
  /** The shortest delay always: several failures in a row would else grow one that this sleep never ends. */
  const random = () => 0
  const deliver = () => world.deliver({ ...clock(), random }, { graceMs: 1 })
  let delivery = deliver()
  for (let step = 0; step < 60; step++) {
    const changes = new Map<string, Change>()
    for (let n = next(8); n >= 0; n--) {
      const uid = uids[next(uids.length)] ?? 'a'
      if (changes.has(uid)) continue
      const gone = truth.has(uid) && next(4) === 0
      const body = JSON.stringify({ uid, step })
      if (gone) truth.delete(uid)
      else truth.set(uid, body)
      changes.set(uid, gone ? { uid, gone } : { uid, body })
    }
    await world.append([...changes.values()])
    const chance = next(12)
    if (chance === 0) await commit()
    if (chance === 1) {
      await delivery[Symbol.asyncDispose]()
      delivery = deliver()
    }
    if (chance === 2) await delivery.pause('dns', { by: 'test' })
    if (chance === 3) await delivery.resume('dns')
    for (let turns = next(20); turns > 0; turns--) await new Promise(setImmediate)
  }
  await eventually(() => delivery.resume('dns'))
  await eventually(async () => faults.length > 0 || (await world.store.stats()).endpoints[0]?.events === 0)
  assert.deepEqual(faults, [], `seed ${seed}`)
  assert.deepEqual([...books.table].sort(), [...truth].sort(), `seed ${seed}`)
  return books
}

test('whatever fails, a receiver ends with what is true, is never sent an object backwards, and knows repeats', async () => {
  let repeats = 0
  for (let seed = 1; seed <= 12; seed++) repeats += (await runHistory(seed)).repeats
  assert.ok(repeats > 0, 'expected some batch to come twice')
})
