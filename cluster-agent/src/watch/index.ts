/**
 * Index: the memory of one stream. Per object: uid, version, hash of the projected body, the watches that it matches, as the hub was last told them.
 * No bodies (law 8). It changes only when its entry is in the outbox, so that at any moment index = inventory + what the outbox holds.
 */
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'

export interface Row {
  readonly uid: string
  readonly resourceVersion: string
  readonly hash: string
  /** Names, sorted; not empty, except as the hub may tell. Equal sets are one array: compare with `===`. */
  readonly matches: readonly string[]
}

/** An object by name. `namespace` is "" for cluster-scoped ones. */
export interface ObjectName {
  readonly namespace: string
  readonly name: string
}

export interface Index {
  readonly size: number
  get(of: ObjectName): Row | undefined
  /** Marks the object as seen, too. */
  set(of: ObjectName, row: Row): void
  delete(of: ObjectName): void
  load(entries: readonly IndexEntry[]): void
  /** The one array that stands for this set of names, which must be sorted. */
  matchSet(names: readonly string[]): readonly string[]
  /** A list begins: no object is marked as seen. */
  unseeAll(): void
  see(of: ObjectName): void
  /** How many objects are not seen. */
  readonly unseenCount: number
  /** They may be deleted while this goes on. */
  unseen(): Iterable<ObjectName & { readonly row: Row }>
}

/** A number instead of a flag: a new list makes every mark old at once. */
interface Marked extends Row {
  seenIn: number
}

export function createIndex(): Index {
  const rows = new Map<string, Marked>()
  const sets = new Map<string, readonly string[]>()
  let list = 0
  let seen = 0

  const matchSet = (names: readonly string[]): readonly string[] => {
    const key = names.join(' ')
    const known = sets.get(key)
    if (known !== undefined) return known
    sets.set(key, names)
    return names
  }

  const forget = (key: string) => {
    if (rows.get(key)?.seenIn === list) seen--
    rows.delete(key)
  }

  return {
    get size() {
      return rows.size
    },
    get: (of) => rows.get(keyOf(of)),
    set: (of, { uid, resourceVersion, hash, matches }) => {
      const key = keyOf(of)
      forget(key)
      rows.set(key, { uid, resourceVersion, hash, matches, seenIn: list })
      seen++
    },
    delete: (of) => forget(keyOf(of)),
    load: (entries) => {
      for (const { uid, resourceVersion, hash, matches, ...of } of entries) {
        rows.set(keyOf(of), { uid, resourceVersion, hash, matches: matchSet(matches), seenIn: list - 1 })
      }
    },
    matchSet,
    unseeAll: () => {
      list++
      seen = 0
    },
    see: (of) => {
      const row = rows.get(keyOf(of))
      if (row === undefined || row.seenIn === list) return
      row.seenIn = list
      seen++
    },
    get unseenCount() {
      return rows.size - seen
    },
    *unseen() {
      for (const [key, row] of rows) {
        if (row.seenIn === list) continue
        const slash = key.indexOf('/')
        yield { namespace: key.slice(0, slash), name: key.slice(slash + 1), row }
      }
    },
  }
}

/** Neither part can hold a slash. */
const keyOf = ({ namespace, name }: ObjectName): string => `${namespace}/${name}`
