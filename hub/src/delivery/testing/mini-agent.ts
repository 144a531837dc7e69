/** What an agent does for one kind of one cluster, against a real store: reports changes, compares its index after a new plan. */
import assert from 'node:assert/strict'
import { bodyHash } from '@watch-hub/shared/pipeline/hash'
import type { Entry } from '@watch-hub/shared/protocol/frames'
import type { Plan, StreamPlan } from '@watch-hub/shared/protocol/plan'
import type { Store } from '../../store/store.ts'
import { textOf } from './random-json.ts'

export interface Thing {
  readonly uid: string
  readonly namespace: string
  /** Names of the watches that match it. */
  readonly watches: readonly string[]
  readonly value: Readonly<Record<string, unknown>>
}

export interface MiniAgent {
  /** From now on; everything is compared. `version`: which one the server serves the kind in. */
  follow(plan: Plan, version: string): Promise<void>
  /** Lets it see what happened to these. */
  saw(uids: readonly string[]): Promise<void>
  /** The hub was started anew; with `lost`, on a database that is not its last one. */
  reconnect(store: Store, lost: boolean): Promise<void>
}

interface Known {
  readonly hash: string
  readonly matches: string
}

export function miniAgent(cluster: string, truth: ReadonlyMap<string, Thing>): MiniAgent {
  const index = new Map<string, Map<string, Known>>()
  let at: { readonly plan: Plan; readonly version: string } | undefined
  let store: Store | undefined
  let process = 0
  let frame = 0

  async function send(streams: readonly StreamPlan[], entries: readonly Entry[]): Promise<void> {
    if (store === undefined || at === undefined || entries.length === 0) return
    const { plan, version } = at
    const named = streams.map(({ id, group, resource }) => ({ id, group, resource, version, kind: 'Service', namespaced: true }))
    const sent = { plan: plan.hash, process, number: ++frame, streams: named, sealedAt: Date.now(), entries }
    const { kind, ...why } = await store.append(cluster, sent)
    assert.equal(kind, 'stored', JSON.stringify(why))
  }

  /** What there is to say of one object in one stream. */
  function entryOf(uid: string, s: number, stream: StreamPlan, cause: 'live' | 'list'): readonly Entry[] {
    const known = index.get(stream.id) ?? new Map<string, Known>()
    index.set(stream.id, known)
    const before = known.get(uid)
    const thing = truth.get(uid)
    const matches = stream.watches.map(({ name }) => name).filter((name) => thing?.watches.includes(name))
    const base = { s, uid, namespace: thing?.namespace ?? 'gone', name: uid, resourceVersion: '1', cause, observedAt: Date.now() }
    if (thing === undefined || matches.length === 0) {
      if (!known.delete(uid)) return []
      return [{ ...base, change: thing === undefined ? 'gone' : 'modified', matches: [] }]
    }
    const { prune } = stream.projection
    const body = textOf(Object.fromEntries(Object.entries(thing.value).filter(([key]) => !prune.includes(key))))
    const now = { hash: bodyHash(body), matches: JSON.stringify(matches) }
    known.set(uid, now)
    if (before?.hash === now.hash && before.matches === now.matches) return []
    const told = { ...base, change: before === undefined ? 'added' : 'modified', matches, hash: now.hash } as const
    return [before?.hash === now.hash ? told : { ...told, body }]
  }

  async function compare(): Promise<void> {
    for (const stream of at?.plan.streams ?? []) {
      const known = new Map<string, Known>()
      const of = { cluster, plan: at?.plan.hash ?? '', stream: stream.id }
      for await (const chunk of store?.readIndex(of, new AbortController().signal) ?? [])
        for (const { uid, hash, matches } of chunk) known.set(uid, { hash, matches: JSON.stringify(matches) })
      index.set(stream.id, known)
      const uids = new Set([...known.keys(), ...truth.keys()])
      const entries = [...uids].flatMap((uid) => entryOf(uid, 0, stream, 'list'))
      const synced = stream.watches.map(({ name, definition }) => ({ watch: name, definition }))
      await send([stream], [...entries, { s: 0, synced, cause: 'list', observedAt: Date.now() }])
    }
  }

  return {
    async follow(plan, version) {
      at = { plan, version }
      await compare()
    },
    async saw(uids) {
      const streams = at?.plan.streams ?? []
      await send(
        streams,
        uids.flatMap((uid) => streams.flatMap((stream, s) => entryOf(uid, s, stream, 'live'))),
      )
    },
    async reconnect(to, lost) {
      store = to
      const opened = await store.openProcess(cluster, lost ? 0 : process)
      assert.equal(opened.kind, 'opened')
      if (opened.kind !== 'opened') return
      process = opened.process
      frame = opened.lastFrame
      if (lost) await compare()
    },
  }
}
