/**
 * Append: a frame becomes log rows, inventory and routes, in one transaction with its number. It is stored whole or not at all.
 *
 * Each entry that changes anything gets one log row, also when it is routed to nobody. The routes are those of the plan that the frame
 * was made under. An entry without a body takes the last known one along: a deletion tells what was deleted.
 */
import { decodeJson } from '@watch-hub/shared/protocol/decode'
import type { Frame, ObjectEntry } from '@watch-hub/shared/protocol/frames'
import { isSynced } from '@watch-hub/shared/protocol/frames'
import type { Appended, Input } from '../calls.ts'
import type { Mismatch, Patch, Route, Sequence } from '../store.ts'
import type { Agents } from './agents.ts'
import type { Audiences, Derived, Deriver } from './audiences.ts'
import type { Backlog } from './backlog.ts'
import type { Bodies } from './bodies.ts'
import { names } from './columns.ts'
import type { Comparisons } from './comparisons.ts'
import type { Contexts } from './contexts.ts'
import type { Guards } from './guards.ts'
import type { Held, Inventory } from './inventory.ts'
import type { Log } from './log.ts'
import { encodeRoutes, matchesNow, originOf, type Recorded } from './log-row.ts'
import type { Patches, Replacing } from './patches.ts'
import type { PlanRoutes, Plans } from './plans.ts'
import type { Scans } from './scans.ts'
import { createStreamSums, type SummedRow } from './stream-sums.ts'
import type { Streams } from './streams.ts'

export interface AppendDeps {
  readonly agents: Agents
  readonly audiences: Audiences
  readonly backlog: Backlog
  readonly bodies: Bodies
  readonly comparisons: Comparisons
  readonly contexts: Contexts
  readonly guards: Guards
  readonly inventory: Inventory
  readonly log: Log
  readonly patches: Patches
  readonly plans: Plans
  readonly scans: Pick<Scans, 'ready'>
  readonly streams: Streams
  readonly now: () => number
}

export const createAppend =
  (deps: AppendDeps) =>
  ({ cluster, frame }: Input<'append'>): Appended => {
    const { agents, plans, contexts } = deps
    const refused = agents.admit(cluster, frame)
    if (refused !== undefined) return refused
    const plan = plans.inForce(cluster, frame.plan)
    if (plan === undefined) return unknownPlan(cluster, frame)
    const context = contexts.of(plan, agents.clusterUid(cluster))
    const appendedAt = deps.now()
    const written = writeFrame({ frame, plan, context, appendedAt, deps })
    agents.setLastFrame(cluster, frame.number)
    const ready = frame.entries.some(isSynced) ? [...new Set([...deps.scans.ready(cluster), ...deps.guards.review()])] : []
    return { kind: 'stored', cluster, context: String(context), appendedAt, ready, ...written }
  }

const unknownPlan = (cluster: string, { plan, number }: Frame): Appended => ({
  kind: 'refused',
  code: 'unknown-plan',
  reason: `${cluster}: expected a plan that this hub made, got ${plan} in frame ${number}`,
})

interface FrameWork {
  readonly frame: Frame
  readonly plan: PlanRoutes
  readonly context: number
  readonly appendedAt: number
  readonly deps: AppendDeps
}

/** Where the entries of one stream go, and what they mean there. */
interface StreamWork {
  readonly id: string
  readonly number: number
  readonly version: string
  readonly compared: boolean
  /** Of the plan. */
  readonly watches: readonly string[]
  readonly derive: Deriver
}

function writeFrame(work: FrameWork): Pick<Extract<Appended, { readonly kind: 'stored' }>, 'rows' | 'mismatches'> {
  const { frame, deps } = work
  const sums = createSums(deps)
  const streams = new Map<number, StreamWork>()
  const streamAt = (position: number): StreamWork => {
    const stream = streams.get(position) ?? openStream(position, work)
    streams.set(position, stream)
    return stream
  }
  const rows: Recorded[] = []
  const mismatches: Mismatch[] = []
  for (const [i, entry] of frame.entries.entries()) {
    const stream = streamAt(entry.s)
    if (isSynced(entry)) {
      sums.writeStreams(work.appendedAt)
      const hub = deps.comparisons.ended(stream.number, { ...entry, at: work.appendedAt })
      // A comparison with an index that is not the inventory proves nothing: no watch is in step by it.
      if (hub !== undefined) mismatches.push({ stream: stream.id, agent: entry.checksum ?? 0, hub })
      else if (deps.audiences.synced(stream.number, entry.synced)) streams.clear()
      else streams.delete(entry.s)
      continue
    }
    const row = writeEntry(entry, stream, { ...work, sums })
    if (row !== undefined) rows.push({ entry: i, ...row })
  }
  sums.writeStreams(work.appendedAt)
  sums.close(rows.at(-1)?.sequence)
  return mismatches.length === 0 ? { rows } : { rows, mismatches }
}

function openStream(position: number, { frame, plan, deps }: FrameWork): StreamWork {
  const stream = frame.streams[position]
  if (stream === undefined)
    throw new Error(`frame ${frame.number}: expected a stream position below ${frame.streams.length}, got ${position}`)
  const number = deps.streams.number(plan.routes.cluster, stream)
  const compared = deps.comparisons.isCompared(number)
  const watches = plan.streams.get(stream.id) ?? []
  return {
    id: stream.id,
    number,
    version: stream.version,
    compared,
    watches,
    derive: deps.audiences.of(plan, { id: stream.id, number }),
  }
}

type Written = Omit<Recorded, 'entry'>

function writeEntry(entry: ObjectEntry, stream: StreamWork, work: FrameWork & { readonly sums: Sums }): Written | undefined {
  const { deps, sums } = work
  const before = deps.inventory.get(stream.number, entry.uid)
  const now = matchesNow(entry)
  const matches = JSON.stringify(now)
  // A body of the same content is told again: endpoints may hold another one (see the message index-end).
  const differs = now.length > 0 && (entry.hash !== before?.hash || entry.body !== undefined)
  if (differs && (entry.hash === undefined || entry.body === undefined)) throw withoutBody(entry, work.frame)
  if (changesNothing({ entry, before, matches, differs })) {
    if (before !== undefined && before.resourceVersion !== entry.resourceVersion)
      deps.inventory.setVersion(stream.number, entry.uid, entry.resourceVersion)
    return undefined
  }
  const { cause, change, uid, resourceVersion } = entry
  // A server whose data came from a backup gives a version twice; in a stream that was compared once, the projection is not the cause.
  const sameVersion = !stream.compared && resourceVersion === before?.resourceVersion
  const derived = stream.derive({ before: before?.matches ?? '[]', now: matches, cause, change, differs, sameVersion })
  const sequence = deps.log.nextSequence()
  const body = entry.body ?? deps.bodies.get(before?.sequence ?? sequence)
  const { version } = stream
  const { routes, text, patch } = withPatch(
    derived,
    before && differs ? { base: before.sequence, uid, version, body } : undefined,
    deps,
  )
  const row = { ...columnsOf(entry, work), stream: stream.number, version, matches, routes: text, sequence }
  deps.log.add(row)
  deps.bodies.add(sequence, body)
  if (patch !== undefined) deps.patches.add(sequence, patch)
  const held = now.length === 0 ? undefined : { ...row, hash: entry.hash ?? before?.hash ?? '' }
  if (held === undefined) deps.inventory.remove(stream.number, uid)
  else deps.inventory.put(stream.number, uid, held)
  sums.count({ stream: stream.number, uid, before, now: held, sequence, routes, bytes: bytesOf(body) + bytesOf(patch?.text) })
  if (derived.correction) sums.correct(stream.number, cause)
  if (before !== undefined && before.matches !== matches) takeFrom(stream, { before: before.matches, now }, deps)
  return { sequence, routes, ...(entry.body === undefined && { body }), ...(patch !== undefined && { patch }) }
}

/** What a plan does not have, its entries take from objects: until a comparison, the rows say too little of it. */
function takeFrom(
  { number, watches }: StreamWork,
  { before, now }: { readonly before: string; readonly now: readonly string[] },
  { audiences }: AppendDeps,
): void {
  const taken = decodeJson(names, before).filter((watch) => !now.includes(watch) && !watches.includes(watch))
  if (taken.length > 0) audiences.loosen(number, taken)
}

const bytesOf = (text = ''): number => Buffer.byteLength(text)

/** `replacing`: the content that the row brings takes the place of another. */
function withPatch(
  { routes, text }: Pick<Derived, 'routes' | 'text'>,
  replacing: Omit<Replacing, 'routes'> | undefined,
  { patches }: AppendDeps,
): Pick<Derived, 'routes' | 'text'> & { readonly patch?: Patch } {
  const patched = replacing && patches.make({ ...replacing, routes })
  return patched === undefined ? { routes, text } : { ...patched, text: encodeRoutes(patched.routes) }
}

/** An object that was not held and matches nothing was never the hub's business; one that is held must change to be worth a row. */
function changesNothing(of: {
  readonly entry: ObjectEntry
  readonly before: Held | undefined
  readonly matches: string
  readonly differs: boolean
}): boolean {
  if (of.before === undefined) return of.matches === '[]'
  return of.entry.change !== 'gone' && !of.differs && of.matches === of.before.matches
}

const withoutBody = ({ name, uid, hash }: ObjectEntry, { number }: Frame): Error =>
  new Error(
    `frame ${number}: expected hash and body of ${name} (${uid}), which is new or differs, got ${hash === undefined ? 'no hash' : 'no body'}`,
  )

const columnsOf = (entry: ObjectEntry, { context, appendedAt, frame }: FrameWork) => {
  const { uid, namespace, name, resourceVersion, observedAt, cause, change } = entry
  return { uid, namespace, name, resourceVersion, observedAt, cause, change, context, appendedAt, ...originOf(entry, frame) }
}

/** Sums of one frame, written once at its end; those of its streams before a comparison ends, too. */
interface Sums {
  count(row: {
    readonly stream: number
    readonly uid: string
    readonly before: Held | undefined
    readonly now: SummedRow | undefined
    readonly sequence: Sequence
    readonly routes: readonly Route[]
    /** Of what the row brought. */
    readonly bytes: number
  }): void
  /** A comparison found what a watch should have told. */
  correct(stream: number, cause: ObjectEntry['cause']): void
  /** What the streams hold, and what was found in them. */
  writeStreams(at: number): void
  /** `head`: number of the frame's last row, if it has any. */
  close(head: Sequence | undefined): void
}

function createSums({ backlog, bodies, comparisons, guards, log, streams }: AppendDeps): Sums {
  const tally = backlog.tally()
  /** Deletions that a commit is the cause of, by endpoint. */
  const removals = new Map<string, number>()
  const held = createStreamSums(streams)
  const corrections = new Map<number, { changes: number; byAudit: number }>()
  const { thinned } = log.totals()
  let rows = 0
  let bytes = 0
  return {
    count: ({ stream, uid, before, now, sequence, routes, bytes: brought }) => {
      tally.count(sequence, routes)
      for (const { endpoint, reason } of routes)
        if (reason === 'unwatched') removals.set(endpoint, (removals.get(endpoint) ?? 0) + 1)
      rows++
      bytes += brought
      held.change({ stream, uid, before, now })
      if (before !== undefined && before.sequence <= thinned) bodies.release(before.sequence) // perhaps only the inventory still named it
    },
    correct: (stream, cause) => {
      const counted = corrections.get(stream) ?? { changes: 0, byAudit: 0 }
      corrections.set(stream, counted)
      counted.changes++
      if (cause === 'audit') counted.byAudit++
    },
    writeStreams: (at) => {
      held.write()
      for (const [stream, counted] of corrections) comparisons.corrected(stream, { ...counted, at })
      corrections.clear()
    },
    close: (head) => {
      tally.write()
      for (const [endpoint, count] of removals) guards.count(endpoint, count)
      if (head !== undefined) log.grow({ head, rows, bytes })
    },
  }
}
