/**
 * Index: the memory of one stream. Per object: uid, version, hash of the projected body, the watches that it matches, as the hub was last told them.
 * No bodies (law 8). It changes only when its entry is in the outbox, so that at any moment index = inventory + what the outbox holds.
 *
 * A row is packed into one text, some 170 bytes per object with its key where objects with fields take 290: this is most of what an agent holds.
 */
import type { IndexEntry } from '@watch-hub/shared/protocol/messages'

export interface Row {
  readonly uid: string
  readonly resourceVersion: string
  readonly hash: string
  /** Names, sorted. Equal sets are one array: compare with `===`. */
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
  /** The object counts as seen, too. */
  set(of: ObjectName, row: Row): void
  delete(of: ObjectName): void
  load(entries: readonly IndexEntry[]): void
  /** The one array that stands for this set of names, which must be sorted. */
  matchSet(names: readonly string[]): readonly string[]
  /** A list begins: no object is seen. */
  unseeAll(): void
  see(of: ObjectName): void
  readonly unseenCount: number
  /** They may be deleted while this goes on. */
  unseen(): Iterable<ObjectName & { readonly row: Row }>
}

export function createIndex(): Index {
  const rows = new Map<string, string>()
  let unseen = new Set<string>()
  const sets = createMatchSets()

  const put = (key: string, { uid, resourceVersion, hash, matches }: Row) =>
    rows.set(
      rows.has(key) ? key : flat(key),
      flat(`${sets.numberOf(matches)} ${hash.length} ${uid.length} ${hash}${uid}${resourceVersion}`),
    )

  const unpack = (text: string): Row => {
    const [set = '', hashLength = '', uidLength = ''] = text.split(' ', 3)
    const hashAt = set.length + hashLength.length + uidLength.length + 3
    const uidAt = hashAt + Number(hashLength)
    const versionAt = uidAt + Number(uidLength)
    return {
      hash: text.slice(hashAt, uidAt),
      uid: text.slice(uidAt, versionAt),
      resourceVersion: text.slice(versionAt),
      matches: sets.byNumber(Number(set)),
    }
  }

  return {
    get size() {
      return rows.size
    },
    get: (of) => {
      const text = rows.get(keyOf(of))
      return text === undefined ? undefined : unpack(text)
    },
    set: (of, row) => {
      const key = keyOf(of)
      put(key, row)
      unseen.delete(key)
    },
    delete: (of) => {
      const key = keyOf(of)
      rows.delete(key)
      unseen.delete(key)
    },
    load: (entries) => {
      for (const entry of entries) put(keyOf(entry), { ...entry, matches: sets.of(entry.matches) })
    },
    matchSet: sets.of,
    unseeAll: () => {
      unseen = new Set(rows.keys())
    },
    see: (of) => unseen.delete(keyOf(of)),
    get unseenCount() {
      return unseen.size
    },
    *unseen() {
      for (const key of unseen) {
        const text = rows.get(key)
        const slash = key.indexOf('/')
        if (text !== undefined) yield { namespace: key.slice(0, slash), name: key.slice(slash + 1), row: unpack(text) }
      }
    },
  }
}

/** Neither part can hold a slash. */
const keyOf = ({ namespace, name }: ObjectName): string => `${namespace}/${name}`

/** Concatenation makes a tree that keeps its parts alive; this is one piece of text. */
const flat = (text: string): string => Buffer.from(text).toString()

/** Few sets of watches, many objects: each set is one array with a number. */
function createMatchSets() {
  const numbers = new Map<string, number>()
  const all: (readonly string[])[] = []
  const numberOf = (names: readonly string[]): number => {
    const key = names.join(' ')
    const known = numbers.get(key)
    if (known !== undefined) return known
    numbers.set(key, all.length)
    return all.push(names) - 1
  }
  const byNumber = (number: number): readonly string[] => all[number] ?? []
  return { numberOf, byNumber, of: (names: readonly string[]) => byNumber(numberOf(names)) }
}
