/**
 * The dead letters of an endpoint, watched over all deaths of the hub: one that was there once is there until it is replayed, whatever is killed.
 */
import { array, type Decoded, integer, object, optional, string } from '@watch-hub/shared/protocol/decode'
import type { World } from '../world.ts'

const letter = object({ id: string, cluster: string, sequence: integer, object: object({ uid: string, name: string }) })
const page = object({ letters: array(letter), next: optional(string) })
const replayed = object({ letters: array(object({ id: string, outcome: string })), next: optional(string) })

type Letter = Decoded<typeof letter>

export interface Letters {
  /** Looks at what is there now; the hub must run. */
  look(): Promise<readonly Letter[]>
  /** Orders all of them to be told again. Resolves to how many were dealt with; those that cannot be now stay. */
  replay(): Promise<number>
  /** The hub's database went back: what is there now counts. */
  forget(): void
  /** Uids of objects of which an event was ever given up. */
  readonly uids: ReadonlySet<string>
  /** How many there ever were. */
  readonly written: number
  /** One sentence each. */
  readonly problems: readonly string[]
}

/** What a replay says of a letter that stays. */
const staying = ['parked', 'waits', 'no-endpoint', 'missing']

export function watchLetters(world: Pick<World, 'api'>, endpoint: string): Letters {
  const there = new Map<string, Letter>()
  const ever = new Set<string>()
  const uids = new Set<string>()
  const problems: string[] = []

  async function listed(): Promise<readonly Letter[]> {
    const all: Letter[] = []
    let after: string | undefined
    do {
      const query = `?endpoint=${endpoint}&limit=1000${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`
      const { letters, next } = page.decode(await world.api(`/dead-letters${query}`))
      all.push(...letters)
      after = next
    } while (after !== undefined)
    return all
  }

  return {
    look: async () => {
      const now = await listed()
      const ids = new Set(now.map(({ id }) => id))
      for (const [id, { object, sequence }] of there)
        if (!ids.has(id)) problems.push(`the dead letter ${id} of ${object.name}, sequence ${sequence}, is gone`)
      there.clear()
      for (const each of now) {
        there.set(each.id, each)
        ever.add(each.id)
        uids.add(each.object.uid)
      }
      return now
    },
    replay: async () => {
      let dealtWith = 0
      let after: string | undefined
      there.clear() // whichever of them the order reaches before somebody dies may be gone
      do {
        const order = { endpoint, ...(after !== undefined && { after }) }
        const { letters, next } = replayed.decode(await world.api('/dead-letters/replay', 'POST', order))
        dealtWith += letters.filter(({ outcome }) => !staying.includes(outcome)).length
        after = next
      } while (after !== undefined)
      return dealtWith
    },
    forget: () => there.clear(),
    uids,
    get written() {
      return ever.size
    },
    problems,
  }
}
