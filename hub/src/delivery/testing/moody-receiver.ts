/**
 * A receiver that keeps a table by the receiver's rule, and fails in every way: by chance, and for some objects always. It knows what a hub
 * owes it, and notes where it was not given that. An object's name is the first letter of its uid.
 */
import type { ServerResponse } from 'node:http'
import { payloadOf } from './payload.ts'
import { type Receiver, startReceiver } from './receiver.ts'

type Next = (below: number) => number
type Item = ReturnType<typeof payloadOf>['items'][number]

/** What it does to a request that tells of an object with this name. */
export type Mood = 'refuse' | 'curse' | 'name' | 'name-for-good' | 'too-large'
const moods: readonly Mood[] = ['refuse', 'curse', 'name', 'name-for-good', 'too-large']

export interface MoodyReceiver extends AsyncDisposable {
  readonly url: string
  readonly table: ReadonlyMap<string, string>
  /** Where it was not given what a hub owes it. */
  readonly faults: readonly string[]
  /** Uids that were there when another object of their name came. */
  readonly ghosts: ReadonlySet<string>
  readonly mood: Map<string, Mood>
  /** Out of ten requests, those that fail by chance. */
  chance: number
  readonly requests: number
  readonly repeats: number
  readonly mostInFlight: number
  changeMood(name: string): void
  /** Requests under way. */
  readonly inFlight: number
}

export interface MoodyParts {
  readonly next: Next
  readonly concurrency: number
  readonly isParked: (id: string) => boolean
}

interface Under {
  readonly id: string
  readonly names: ReadonlySet<string>
}

export async function startMoodyReceiver({ next, concurrency, isParked }: MoodyParts): Promise<MoodyReceiver> {
  const receiver: Receiver = await startReceiver()
  const table = new Map<string, string>()
  const last = new Map<string, string>()
  const bodies = new Map<string, string>()
  /** Events; one of them may come again under another id, when the hub was killed before it knew and they are refused now. */
  const taken = new Set<string>()
  const under = new Set<Under>()
  const faults: string[] = []
  const ghosts = new Set<string>()
  const mood = new Map<string, Mood>()
  let repeats = 0
  let mostInFlight = 0

  const nameOf = ({ resource }: Item) => resource.uid.slice(0, 1)
  const has = (items: readonly Item[], of: Mood) => items.some((item) => mood.get(nameOf(item)) === of)

  function see(id: string, body: string, items: readonly Item[]): Under {
    const before = bodies.get(id)
    if (before !== undefined) repeats++
    if (before !== undefined && before !== body) faults.push(`batch ${id} came again with other bytes`)
    bodies.set(id, body)
    for (const { resource, sequence } of items)
      if (sequence < (last.get(resource.uid) ?? '') && !taken.has(`${resource.uid} ${sequence}`))
        faults.push(`${resource.uid} went from ${last.get(resource.uid)} to ${sequence}`)
    const names = new Set(items.map(nameOf))
    for (const other of under)
      for (const name of names) if (other.names.has(name)) faults.push(`two requests at once tell of ${name}`)
    const one = { id, names }
    under.add(one)
    mostInFlight = Math.max(mostInFlight, under.size)
    if (under.size > concurrency) faults.push(`${under.size} requests in flight, expected at most ${concurrency}`)
    if ([...under].filter((each) => isParked(each.id)).length > 1) faults.push('two parked requests at once')
    return one
  }

  function take(items: readonly Item[]): void {
    for (const { type, sequence, resource, object } of items) {
      const { uid } = resource
      taken.add(`${uid} ${sequence}`)
      if (sequence <= (last.get(uid) ?? '')) continue
      last.set(uid, sequence)
      if (type === 'deleted') table.delete(uid)
      else {
        for (const other of table.keys()) if (other !== uid && other[0] === uid[0]) ghosts.add(other)
        table.set(uid, JSON.stringify(object))
      }
    }
  }

  function answer(items: readonly Item[], response: ServerResponse): void {
    const chance = next(10) < self.chance ? next(7) : -1
    if (chance === 0) return void response.writeHead(503).end()
    if (chance === 1) return void response.destroy()
    if (chance === 2) return void response.writeHead(429, { 'retry-after': '3' }).end()
    if (chance === 3) return void response.writeHead(500).end()
    if (chance === 4) return void response.writeHead(401).end()
    if (has(items, 'refuse')) return void response.writeHead(next(2) === 0 ? 400 : 422).end()
    if (has(items, 'curse')) return void response.writeHead(500).end()
    if (has(items, 'too-large') && items.length > next(3)) return void response.writeHead(413).end()
    const named = items.filter((item) => (mood.get(nameOf(item)) ?? '').startsWith('name'))
    take(items.filter((item) => !named.includes(item)))
    if (chance === 5) return void response.destroy() // it has them, and the hub does not know
    const failures = named.map((item) => ({ id: item.id, message: 'no', retry: mood.get(nameOf(item)) === 'name' }))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ failures }))
  }

  receiver.otherwise(async (response) => {
    if (response.destroyed) return
    const request = receiver.received.at(-1)
    if (request === undefined) return
    const { id, items } = payloadOf(request)
    const one = see(id, request.body, items)
    response.once('close', () => under.delete(one))
    for (let turns = next(6); turns > 0; turns--) await new Promise(setImmediate)
    under.delete(one)
    if (!response.destroyed) answer(items, response)
  })

  const self: MoodyReceiver = {
    url: receiver.url,
    ...{ table, faults, ghosts, mood },
    chance: 3,
    get requests() {
      return receiver.received.length
    },
    get repeats() {
      return repeats
    },
    get mostInFlight() {
      return mostInFlight
    },
    changeMood(name) {
      const to = moods[next(2 * moods.length)]
      if (to === undefined) mood.delete(name)
      else mood.set(name, to)
    },
    get inFlight() {
      return under.size
    },
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  }
  return self
}
