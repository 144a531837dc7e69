/**
 * Contexts as text: the JSON of clusters and watches that items share, made once per context and not once per event.
 * A context never changes under its key, so what is kept never gets old; the oldest are dropped beyond a bound.
 */
import type { Metadata } from '../config/model.ts'
import type { Context, Store } from '../store/store.ts'

export interface ContextText {
  /** Name of the cluster. */
  readonly name: string
  /** JSON of the cluster: name, uid, labels, metadata. */
  readonly cluster: string
  /** What is attached to the cluster. */
  readonly metadata: Metadata
  readonly uid: string
  /** The commit that made it so. */
  readonly commit?: string
  /** `"watches":[…],"metadata":{…}` */
  watches(names: readonly string[]): string
  /** What these watches attach, merged. */
  watchMetadata(names: readonly string[]): Metadata
  /** JSON of the context as far as these watches need it: `contextText` of it gives the same texts again. */
  kept(names: readonly string[]): string
}

export interface Contexts {
  /** The contexts of these rows or markers, by key. */
  of(rows: readonly { readonly context: string }[]): Promise<ReadonlyMap<string, ContextText>>
}

export function contexts(store: Pick<Store, 'context'>, limit = 1_000): Contexts {
  const known = new Map<string, ContextText>()
  const load = async (key: string): Promise<ContextText> => {
    const kept = known.get(key)
    if (kept !== undefined) return kept
    const text = contextText(await store.context(key))
    known.set(key, text)
    for (const oldest of known.keys()) if (known.size > limit) known.delete(oldest)
    return text
  }
  return {
    async of(rows) {
      const keys = new Set(rows.map((row) => row.context))
      const found = new Map<string, ContextText>()
      for (const key of keys) found.set(key, await load(key))
      return found
    },
  }
}

export function contextText({ cluster, watches, commit }: Context): ContextText {
  const { name, uid, labels, metadata } = cluster
  const merged = memo((names): Metadata => Object.fromEntries(names.flatMap((watch) => Object.entries(watches[watch] ?? {}))))
  return {
    name,
    cluster: JSON.stringify({ name, uid, labels, metadata }),
    metadata,
    uid,
    ...(commit !== undefined && { commit }),
    watches: memo((names) => `"watches":${JSON.stringify(names)},"metadata":${JSON.stringify(merged(names))}`),
    watchMetadata: merged,
    kept: memo((names) =>
      JSON.stringify({
        cluster: { name, uid, labels, metadata },
        watches: Object.fromEntries(names.flatMap((watch) => (watches[watch] === undefined ? [] : [[watch, watches[watch]]]))),
        commit,
      }),
    ),
  }
}

/** Few combinations of watches ever match one object. */
function memo<T>(make: (names: readonly string[]) => T): (names: readonly string[]) => T {
  const made = new Map<string, T>()
  return (names) => {
    const key = names.length === 1 ? (names[0] ?? '') : names.join()
    const before = made.get(key)
    if (before !== undefined) return before
    const value = make(names)
    made.set(key, value)
    return value
  }
}
