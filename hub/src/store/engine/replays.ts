/**
 * Reading for a replay: how a dead letter stands to what is now, and what the endpoint is told in its place. As for a scan, the inventory says
 * what is there and the current plan who hears it; a deletion alone is told from the letter, because nothing else holds it any more.
 *
 *   held, and a watch of the endpoint matches → `same`, or `overtaken` where it has changed since
 *   held, and none does                       → `unwatched`
 *   not held                                  → `gone`, or `unwatched` where the endpoint hears nothing of the kind any more
 *   a deletion, and no watch of the endpoint matches → `same`, or `overtaken` where the log told the endpoint of the object since
 *
 * While a commit or a loss of data leaves open what the inventory says, so does this.
 */
import { integer, object, string } from '@watch-hub/shared/protocol/decode'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { EventType } from '../../config/model.ts'
import type { Input, Output } from '../calls.ts'
import type { DeadLetter, LogRow, Replay } from '../store.ts'
import type { Agents } from './agents.ts'
import type { Bodies } from './bodies.ts'
import { jsonText, names, nullable, present, sharedJson } from './columns.ts'
import type { Contexts } from './contexts.ts'
import type { Database } from './database.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Log } from './log.ts'
import { routeNeedle, routesText } from './log-row.ts'
import type { PlanRoutes, Plans } from './plans.ts'
import { type ScanSources, watchesOf } from './scan-sources.ts'
import type { Streams } from './streams.ts'

export interface ReplayDeps {
  readonly agents: Agents
  readonly bodies: Bodies
  readonly contexts: Contexts
  readonly deadLetters: DeadLetters
  readonly log: Log
  readonly plans: Plans
  readonly sources: ScanSources
  readonly streams: Streams
  readonly now: () => number
}

/** Of letters and rows in one answer: behind them, the rest has to be asked for again. */
const bytesAtOnce = 8 * 1024 * 1024
const lettersAtOnce = 200
/** Clusters and kinds that one answer is about: what is heard of each has to be found out. */
const kindsAtOnce = 20
/** Rows of one object that are looked at, the newest ones. */
const rowsLookedAt = 500

export function createReadReplay(db: Database, deps: ReplayDeps): (of: Input<'readReplay'>) => Output<'readReplay'> {
  const standing = createStanding(db, deps)
  return ({ endpoint, ids }) => {
    const kinds = new Map<string, Hearing | undefined>()
    const replays: Replay[] = []
    let bytes = 0
    let done = 0
    for (const id of ids) {
      if (done >= lettersAtOnce || bytes > bytesAtOnce || kinds.size >= kindsAtOnce) break
      done++
      const letter = deps.deadLetters.get(id)
      if (letter?.endpoint !== endpoint) continue
      const kind = JSON.stringify([letter.cluster, resourceName(letter.object)])
      if (!kinds.has(kind)) kinds.set(kind, hearingOf(letter, deps))
      const replay = standing(letter, kinds.get(kind))
      replays.push(replay)
      bytes += letter.content.length + (replay.row?.body.length ?? 0)
    }
    return { head: deps.log.totals().head, replays, rest: ids.slice(done) }
  }
}

/** What an endpoint hears of one kind in one cluster. */
interface Hearing {
  readonly plan: PlanRoutes
  readonly watches: ReadonlySet<string>
  /** Those of them that the cluster was not compared for since a commit changed them: what the inventory says of them may be untrue. */
  readonly outdated: ReadonlySet<string>
  /** Numbers of streams; planned ones come first. */
  readonly streams: readonly number[]
  /** Data was lost, and the cluster was not compared since. */
  readonly doubted: boolean
}

/** Nothing = it hears nothing of the kind. */
function hearingOf(letter: DeadLetter, { plans, sources, streams }: ReplayDeps): Hearing | undefined {
  const { cluster, endpoint } = letter
  const plan = plans.current(cluster)
  if (plan === undefined) return undefined
  const kind = resourceName(letter.object)
  const planned = plan.routes.streams.filter(({ resource }) => resource === kind)
  const watches = watchesOf(plan, endpoint).filter((watch) => planned.some((stream) => stream.watches.includes(watch)))
  if (watches.length === 0) return undefined
  const names = new Map(streams.ofCluster(cluster).map(({ id, name }) => [id, name]))
  const found = watches.flatMap((watch) => sources.of(plan, watch)).filter(({ id }) => names.get(id) === kind)
  const ordered = found.toSorted((a, b) => Number(b.planned) - Number(a.planned))
  return {
    plan,
    watches: new Set(watches),
    outdated: new Set(watches.filter((watch) => sources.outdated(plan, watch))),
    streams: [...new Set(ordered.map(({ id }) => id))],
    doubted: planned.some(({ id }) => streams.isDoubted(cluster, id)),
  }
}

const heldRow = object({
  stream: string,
  group: string,
  version: string,
  kind: string,
  resource: string,
  namespace: string,
  name: string,
  uid: string,
  resourceVersion: string,
  matches: sharedJson(names),
  observedAt: integer,
  sequence: integer,
  traceparent: nullable(string),
})
type HeldRow = ReturnType<typeof heldRow.decode>

function createStanding(db: Database, deps: ReplayDeps): (letter: DeadLetter, hearing: Hearing | undefined) => Replay {
  const held = db.query(
    `SELECT streams.stream, grp AS "group", version, kind, resource, namespace, name, uid, resource_version AS resourceVersion, matches,
       observed_at AS observedAt, sequence, traceparent
     FROM inventory JOIN streams ON streams.id = inventory.stream WHERE inventory.stream = ? AND uid = ?`,
    heldRow,
  )
  const newestSince = createNewestSince(db)
  return (letter, hearing) => {
    const isDeletion = letter.type === 'deleted'
    if (hearing === undefined) return isDeletion ? deletion(letter, newestSince(letter)) : { letter, standing: 'unwatched' }
    if (hearing.doubted) return { letter, standing: 'unknown' }
    const rows = hearing.streams.flatMap((stream) => held.get(stream, letter.object.uid) ?? [])
    const heard = rows.map((row) => ({ row, watches: row.matches.filter((watch) => hearing.watches.has(watch)) }))
    if (heard.some(({ watches }) => watches.some((watch) => hearing.outdated.has(watch)))) return { letter, standing: 'unknown' }
    const [there] = heard.filter(({ watches }) => watches.length > 0)
    if (there !== undefined) {
      const isSame = !isDeletion && there.row.sequence <= letter.sequence
      const row = rowOf({ letter, ...there, type: isSame && letter.type === 'created' ? 'created' : 'updated' }, hearing, deps)
      return { letter, standing: isSame ? 'same' : 'overtaken', row }
    }
    if (isDeletion) return deletion(letter, newestSince(letter))
    return { letter, standing: rows.length > 0 ? 'unwatched' : 'gone' }
  }
}

function deletion(letter: DeadLetter, newest: Newest | undefined): Replay {
  if (newest === undefined) return { letter, standing: 'same' }
  return { letter, standing: 'overtaken', ...(newest.type === 'deleted' && { deletedAgain: newest.sequence }) }
}

interface Newest {
  readonly sequence: number
  readonly type: EventType | undefined
}

/** The newest thing that the log has the endpoint told of the object after the letter, before the cursor or behind it. */
function createNewestSince(db: Database): (letter: DeadLetter) => Newest | undefined {
  const since = db.query(
    `SELECT sequence, routes FROM (
       SELECT log.sequence, log.routes, streams.cluster, streams.grp, streams.resource FROM log JOIN streams ON streams.id = log.stream
       WHERE log.uid = ? AND log.sequence > ? ORDER BY log.sequence DESC LIMIT ${rowsLookedAt}
     ) WHERE cluster = ? AND grp = ? AND resource = ? AND instr(routes, ?) > 0 ORDER BY sequence DESC LIMIT 1`,
    object({ sequence: integer, routes: jsonText(routesText) }),
  )
  return ({ cluster, endpoint, sequence, object: { uid, group, resource } }) => {
    const row = since.get(uid, sequence, cluster, group, resource, routeNeedle(endpoint))
    return row && { sequence: row.sequence, type: row.routes.find((route) => route.endpoint === endpoint)?.type }
  }
}

interface Telling {
  readonly letter: DeadLetter
  readonly row: HeldRow
  readonly watches: readonly string[]
  readonly type: 'created' | 'updated'
}

/** Like a resync: it was asked for, so the watches' `events` do not count. */
function rowOf(
  { letter, row, watches, type }: Telling,
  { plan }: Hearing,
  { agents, bodies, contexts, now }: ReplayDeps,
): LogRow {
  const { stream, observedAt, sequence, matches, traceparent, ...ref } = row
  const { cluster, endpoint } = letter
  return {
    ...{ sequence, cluster, stream, object: ref, observedAt, matches },
    context: String(contexts.of(plan, agents.clusterUid(cluster))),
    appendedAt: now(),
    cause: 'list',
    change: 'added',
    routes: [{ endpoint, type, reason: 'replay', watches }],
    body: bodies.get(sequence),
    ...present({ traceparent }),
  }
}
