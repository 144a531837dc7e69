/**
 * Random histories through the real store, with a receiver that fails at random and refuses some objects, several requests in flight, and
 * couriers that are stopped, or killed at any call of the store.
 *
 * Of each object the receiver ends with the newest state, or that waits parked, or is a dead letter; and once the receiver takes everything,
 * it ends with what is true. On the way no object goes backwards, and no request is ever another one under the same id.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { EndpointConfig } from '../config/model.ts'
import type { DeadLetter, Freeze, Store } from '../store/store.ts'
import { eventually } from './testing/eventually.ts'
import { type MoodyReceiver, startMoodyReceiver } from './testing/moody-receiver.ts'
import { mortal } from './testing/mortal.ts'
import { numbers } from './testing/numbers.ts'
import { endpointConfig } from './testing/rows.ts'
import { sleeping } from './testing/sleeping.ts'
import { type Change, startWorld, type World } from './testing/world.ts'

type Next = (below: number) => number
const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
const others = [...'hijklmnopqrstuvwxyz']

/** What happened over all histories: a test in which nothing was at stake proves nothing. */
const seen = { kills: 0, repeats: 0, parked: 0, letters: 0, replayed: 0, together: 0, halved: 0, recreated: 0 }

/** What is true, and what was ever given up. */
interface Books {
  /** By uid. */
  readonly truth: Map<string, string>
  /** The newest row of each uid. */
  readonly newest: Map<string, number>
  /** The uid that a name has now. */
  readonly present: Map<string, string>
  readonly letters: DeadLetter[]
  readonly parked: Set<string>
}

const newBooks = (): Books => ({ truth: new Map(), newest: new Map(), present: new Map(), letters: [], parked: new Set() })

function note(books: Books, { deadLetters = [], batches, replaced = [] }: Freeze): void {
  books.letters.push(...deadLetters)
  seen.letters += deadLetters.length
  for (const { id, parking } of [...batches, ...replaced.flatMap(({ by }) => by)]) if (parking !== undefined) books.parked.add(id)
  for (const { by } of replaced) if (by.length > 1) seen.halved++
}

/** Changes of some objects, one of each; some go, and some come again under another uid in the same frame. */
function changesOf(books: Books, step: number, next: Next): readonly Change[] {
  const changes: Change[] = []
  const told = new Set<string>()
  for (let n = next(6); n >= 0; n--) {
    const name = names[next(names.length)] ?? 'a'
    if (told.has(name)) continue
    told.add(name)
    const uid = books.present.get(name)
    const goes = uid !== undefined && next(3) === 0
    if (goes) {
      changes.push({ uid, name, gone: true })
      books.present.delete(name)
      books.truth.delete(uid)
    }
    if (goes && next(2) === 0) continue
    if (goes) seen.recreated++
    const now = goes || uid === undefined ? `${name}${step}` : uid
    const body = JSON.stringify({ uid: now, step })
    changes.push({ uid: now, name, body })
    books.present.set(name, now)
    books.truth.set(now, body)
  }
  return changes
}

async function append(world: World, books: Books, changes: readonly Change[]): Promise<void> {
  for (const { object, sequence } of await world.append(changes)) books.newest.set(object.uid, sequence)
}

async function runHistory(seed: number): Promise<void> {
  const next = numbers(seed)
  const concurrency = [1, 2, 4, 8][seed % 4] ?? 1
  const books = newBooks()
  await using receiver = await startMoodyReceiver({ next, concurrency, isParked: (id) => books.parked.has(id) })
  await using world = await startWorld()
  const maxAgeMs = [4_000, 60_000, 72 * 3_600_000][seed % 3] ?? 60_000
  const endpoint = (): Partial<EndpointConfig> => ({
    url: receiver.url,
    concurrency,
    retry: { maxAgeMs },
    history: next(2) === 0 ? 'latest' : 'every',
    batch: { maxObjects: 1 + next(5), maxBytes: 1_000_000, maxWaitMs: next(2) * 50 },
  })
  const commit = () => world.commit({ endpoints: [endpointConfig(endpoint())] })
  await commit()
  /** One clock over all restarts; the shortest delay always, so that no wait grows beyond what this sleep ends. */
  const { sleep, now } = sleeping()
  const begin = () => {
    const life = mortal(world.store, (step) => note(books, step))
    return { life, delivery: world.deliver({ store: life.store, sleep, now, random: () => 0 }, { graceMs: 1 }) }
  }
  let { life, delivery } = begin()
  const again = async () => {
    await delivery[Symbol.asyncDispose]()
    await eventually(() => receiver.inFlight === 0)
    ;({ life, delivery } = begin())
  }

  for (let step = 0; step < 60; step++) {
    await append(world, books, changesOf(books, step, next))
    const chance = next(16)
    if (chance === 0) await commit()
    if (chance === 1) await again()
    if (chance === 2) await delivery.pause('dns', { by: 'test' })
    if (chance === 3) await delivery.resume('dns')
    if (chance < 6) life.dieAfter(next(30), next(2) === 0)
    if (chance === 6) await delivery.resync('dns', {})
    if (chance > 9) receiver.changeMood(names[next(names.length)] ?? 'a')
    for (let turns = next(30); turns > 0; turns--) await new Promise(setImmediate)
    if (!life.dead) continue
    seen.kills++
    await again()
  }
  life.dieAfter(Number.POSITIVE_INFINITY, false)
  if (life.dead) await again()
  await eventually(() => delivery.resume('dns'))

  receiver.chance = 0
  await settle(world, books, receiver)
  assert.deepEqual(receiver.faults, [], `seed ${seed}`)
  await nothingIsLost(world, books, { receiver, seed })

  receiver.mood.clear()
  await eventually(async () => (await world.store.endpoint('dns')).batches.length === 0)
  const ids = (await world.store.deadLetters({ endpoint: 'dns', limit: 1_000 })).letters.map(({ id }) => id)
  const answers = (await delivery.replay('dns', ids)) ?? []
  seen.replayed += answers.filter(({ outcome }) => outcome === 'sent' || outcome === 'current').length
  await eventually(async () => (await world.store.endpoint('dns')).batches.length === 0)
  assert.deepEqual(receiver.faults, [], `seed ${seed}`)
  assert.deepEqual([...receiver.table].sort(), [...books.truth].sort(), `seed ${seed}: ${JSON.stringify(answers)}`)
  seen.repeats += receiver.repeats
  seen.parked += books.parked.size
  if (receiver.mostInFlight > 1) seen.together++
}

/** Until only parked events wait. Others go on meanwhile: without them there is no evidence against what always fails. */
async function settle(world: World, books: Books, receiver: MoodyReceiver): Promise<void> {
  for (let round = 0; ; round++) {
    const { batches } = await world.store.endpoint('dns')
    const waiting = (await world.store.stats()).endpoints[0]
    const isQuiet = batches.every(({ parking }) => parking !== undefined) && waiting?.events === 0 && waiting.scans.length === 0
    if (isQuiet || receiver.faults.length > 0) return
    if (round % 20 === 0) {
      const uid = others[(round / 20) % others.length] ?? 'z' // one of them may have to wait behind what fails
      const body = JSON.stringify({ uid, round })
      books.truth.set(uid, body)
      await append(world, books, [{ uid, body }])
    }
    await new Promise(setImmediate)
  }
}

interface Held {
  readonly receiver: MoodyReceiver
  readonly seed: number
}

async function nothingIsLost({ store }: { readonly store: Store }, books: Books, { receiver, seed }: Held): Promise<void> {
  const { batches } = await store.endpoint('dns')
  const parked = new Set(
    batches.flatMap(({ parking, members }) => (parking === undefined ? [] : members.map((each) => each.sequence))),
  )
  const given = new Set(books.letters.map(({ sequence }) => sequence))
  for (const [uid, sequence] of books.newest) {
    if (receiver.table.get(uid) === books.truth.get(uid)) continue
    assert.ok(parked.has(sequence) || given.has(sequence), `seed ${seed}: the newest state of ${uid} is lost`)
  }
  const ended = new Set(books.letters.filter(({ type }) => type === 'deleted').map(({ object }) => object.uid))
  for (const uid of receiver.ghosts) assert.ok(ended.has(uid), `seed ${seed}: ${uid} was there when its name was used again`)
}

test('whatever fails, nothing is lost, no object goes backwards, and no request changes under its id', async () => {
  for (let seed = 1; seed <= 24; seed++) await runHistory(seed)
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `expected some: ${what}`)
})
