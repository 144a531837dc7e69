/**
 * Index: the memory of one stream. Per object: uid, version, hash of the projected body, the watches that it matches, as the hub was last told them.
 * No bodies (law 8). It changes only when its entry is in the outbox, so that at any moment index = inventory + what the outbox holds.
 *
 * Its checksum follows every change, so that the hub can say whether it holds the same.
 *
 * A row is packed into one text, some 170 bytes per object with its key where objects with fields take 290: this is most of what an agent holds.
 */
import { emptyChecksum, minus, objectSum, plus } from '@watch-hub/shared/protocol/checksum'
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
  /** Of all rows, see protocol/checksum.ts. */
  readonly checksum: number
  /** Until the next comparison is complete: endpoints may hold something newer than what is here. */
  doubted: boolean
  get(of: ObjectName): Row | undefined
  /** The object counts as seen, too. */
  set(of: ObjectName, row: Row): void
  /** Another object of that name stays. */
  delete(of: ObjectName, uid: string): void
  /** What the hub holds. It can hold two objects of one name, of which one is long gone: both count until a list tells which. */
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
  let checksum = emptyChecksum
  let namesakes = 0
  const sets = createMatchSets()

  const put = (key: string, row: Row) => {
    const { uid, resourceVersion, hash, matches } = row
    const before = rows.get(key)
    if (before !== undefined) checksum = minus(checksum, objectSum(unpack(before)))
    checksum = plus(checksum, objectSum(row))
    rows.set(
      before === undefined ? flat(key) : key,
      flat(`${sets.numberOf(matches)} ${hash.length} ${uid.length} ${hash}${uid}${resourceVersion}`),
    )
  }

  const remove = (key: string): boolean => {
    const before = rows.get(key)
    if (before === undefined) return false
    checksum = minus(checksum, objectSum(unpack(before)))
    rows.delete(key)
    unseen.delete(key)
    return true
  }
  const removeNamesake = (key: string, uid: string) => {
    if (namesakes > 0 && remove(`${key}/${uid}`)) namesakes--
  }
  const uidOf = (key: string): string | undefined => {
    const text = rows.get(key)
    return text === undefined ? undefined : unpack(text).uid
  }

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
    get checksum() {
      return checksum
    },
    doubted: false,
    get: (of) => {
      const text = rows.get(keyOf(of))
      return text === undefined ? undefined : unpack(text)
    },
    set: (of, row) => {
      const key = keyOf(of)
      put(key, row)
      unseen.delete(key)
      removeNamesake(key, row.uid)
    },
    delete: (of, uid) => {
      const key = keyOf(of)
      if (uidOf(key) === uid) remove(key)
      else removeNamesake(key, uid)
    },
    load: (entries) => {
      for (const entry of entries) {
        const key = keyOf(entry)
        const isNamesake = (uidOf(key) ?? entry.uid) !== entry.uid
        if (isNamesake) namesakes++
        put(isNamesake ? `${key}/${entry.uid}` : key, { ...entry, matches: sets.of(entry.matches) })
      }
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
        const [namespace = '', name = ''] = key.split('/', 2)
        if (text !== undefined) yield { namespace, name, row: unpack(text) }
      }
    },
  }
}

/** Neither part can hold a slash. An object that does not have its name for itself has its uid as a third part. */
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
