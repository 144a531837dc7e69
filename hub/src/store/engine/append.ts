/**
 * Append: a frame becomes log rows, inventory and routes, in one transaction with its number. It is stored whole or not at all.
 *
 * Each entry that changes anything gets one log row, also when it is routed to nobody. The routes are those of the plan that the frame
 * was made under. An entry without a body takes the last known one along: a deletion tells what was deleted.
 */
import type { Frame, ObjectEntry } from '@watch-hub/shared/protocol/frames'
import { isSynced } from '@watch-hub/shared/protocol/frames'
import type { Appended, Input } from '../calls.ts'
import type { Route, Sequence } from '../store.ts'
import type { Agents } from './agents.ts'
import type { Audiences, Deriver } from './audiences.ts'
import type { Backlog } from './backlog.ts'
import type { Bodies } from './bodies.ts'
import type { Contexts } from './contexts.ts'
import type { Held, Inventory } from './inventory.ts'
import type { Log } from './log.ts'
import { matchesNow, type Recorded } from './log-row.ts'
import type { PlanRoutes, Plans } from './plans.ts'
import type { Streams } from './streams.ts'

export interface AppendDeps {
  readonly agents: Agents
  readonly audiences: Audiences
  readonly backlog: Backlog
  readonly bodies: Bodies
  readonly contexts: Contexts
  readonly inventory: Inventory
  readonly log: Log
  readonly plans: Plans
  readonly streams: Streams
  readonly now: () => number
}

export const createAppend =
  (deps: AppendDeps) =>
  ({ cluster, frame }: Input<'append'>): Appended => {
    const { agents, plans, contexts } = deps
    const refused = agents.admit(cluster, frame)
    if (refused !== undefined) return refused
    const plan = plans.get(cluster, frame.plan)
    if (plan === undefined) return unknownPlan(cluster, frame)
    const context = contexts.of(plan, agents.clusterUid(cluster))
    const appendedAt = deps.now()
    const rows = writeFrame({ frame, plan, context, appendedAt, deps })
    agents.setLastFrame(cluster, frame.number)
    return { kind: 'stored', cluster, context: String(context), appendedAt, rows }
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
  readonly number: number
  readonly version: string
  readonly derive: Deriver
}

function writeFrame(work: FrameWork): readonly Recorded[] {
  const { frame, deps } = work
  const sums = createSums(deps)
  const streams = new Map<number, StreamWork>()
  const streamAt = (position: number): StreamWork => {
    const stream = streams.get(position) ?? openStream(position, work)
    streams.set(position, stream)
    return stream
  }
  const rows: Recorded[] = []
  for (const [i, entry] of frame.entries.entries()) {
    const stream = streamAt(entry.s)
    if (isSynced(entry)) {
      if (deps.audiences.synced(stream.number, entry.synced)) streams.clear()
      continue
    }
    const row = writeEntry(entry, stream, { ...work, sums })
    if (row !== undefined) rows.push({ entry: i, ...row })
  }
  sums.close(rows.at(-1)?.sequence)
  return rows
}

function openStream(position: number, { frame, plan, deps }: FrameWork): StreamWork {
  const stream = frame.streams[position]
  if (stream === undefined)
    throw new Error(`frame ${frame.number}: expected a stream position below ${frame.streams.length}, got ${position}`)
  const number = deps.streams.number(plan.routes.cluster, stream)
  return { number, version: stream.version, derive: deps.audiences.of(plan, { id: stream.id, number }) }
}

type Written = Omit<Recorded, 'entry'>

function writeEntry(entry: ObjectEntry, stream: StreamWork, work: FrameWork & { readonly sums: Sums }): Written | undefined {
  const { deps, sums } = work
  const before = deps.inventory.get(stream.number, entry.uid)
  const now = matchesNow(entry)
  const matches = JSON.stringify(now)
  const differs = now.length > 0 && entry.hash !== before?.hash
  if (differs && (entry.hash === undefined || entry.body === undefined)) throw withoutBody(entry, work.frame)
  if (changesNothing({ entry, before, matches, differs })) {
    if (before !== undefined && before.resourceVersion !== entry.resourceVersion)
      deps.inventory.setVersion(stream.number, entry.uid, entry.resourceVersion)
    return undefined
  }
  const { cause, change, uid, resourceVersion } = entry
  const sameVersion = resourceVersion === before?.resourceVersion
  const { routes, text } = stream.derive({ before: before?.matches ?? '[]', now: matches, cause, change, differs, sameVersion })
  const sequence = deps.log.nextSequence()
  const row = { ...columnsOf(entry, work), stream: stream.number, version: stream.version, matches, routes: text, sequence }
  const body = entry.body ?? deps.bodies.get(before?.sequence ?? sequence)
  deps.log.add(row)
  deps.bodies.add(sequence, body)
  if (now.length === 0) deps.inventory.remove(stream.number, uid)
  else deps.inventory.put(stream.number, uid, { ...row, hash: entry.hash ?? before?.hash ?? '' })
  sums.count({ stream: stream.number, before, held: now.length > 0, sequence, routes, body })
  return { sequence, routes, ...(entry.body === undefined && { body }) }
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

const columnsOf = (entry: ObjectEntry, { context, appendedAt }: FrameWork) => {
  const { uid, namespace, name, resourceVersion, observedAt, cause, change } = entry
  return { uid, namespace, name, resourceVersion, observedAt, cause, change, context, appendedAt }
}

/** Sums of one frame, written once at its end. */
interface Sums {
  count(row: {
    readonly stream: number
    readonly before: Held | undefined
    readonly held: boolean
    readonly sequence: Sequence
    readonly routes: readonly Route[]
    readonly body: string
  }): void
  /** `head`: number of the frame's last row, if it has any. */
  close(head: Sequence | undefined): void
}

function createSums({ backlog, bodies, log, streams }: AppendDeps): Sums {
  const tally = backlog.tally()
  const objects = new Map<number, number>()
  const { pruned } = log.totals()
  let rows = 0
  let bytes = 0
  return {
    count: ({ stream, before, held, sequence, routes, body }) => {
      tally.count(sequence, routes)
      rows++
      bytes += Buffer.byteLength(body)
      objects.set(stream, (objects.get(stream) ?? 0) + Number(held) - Number(before !== undefined))
      if (before !== undefined && before.sequence <= pruned) bodies.release(before.sequence) // only the inventory still named it
    },
    close: (head) => {
      for (const [stream, delta] of objects) streams.addObjects(stream, delta)
      tally.write()
      if (head !== undefined) log.grow({ head, rows, bytes })
    },
  }
}
