/**
 * The story of one event, in steps that each look at a bounded number of rows: what the log and the inventory know of it, where an endpoint
 * stands, what it was told, and which events of the object came later. `tell-story.ts` puts it together.
 */
import { array, integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { EventAtEndpoint, Input, Ops, Output } from '../calls.ts'
import type { AttemptRecord, Sequence } from '../store.ts'
import type { EventObject, RowHead } from '../story.ts'
import { attemptColumns, attemptFields, attemptRecord } from './attempts.ts'
import type { Backlog } from './backlog.ts'
import type { Batches } from './batches.ts'
import { jsonText, nullable, present } from './columns.ts'
import type { Database } from './database.ts'
import type { Endpoints } from './endpoints.ts'
import type { Log } from './log.ts'
import { routesText } from './log-row.ts'
import { sequencesOf } from './sequences.ts'
import type { ToldTable } from './told.ts'

export interface StoryDeps {
  readonly backlog: Backlog
  readonly batches: Batches
  readonly endpoints: Endpoints
  readonly log: Log
  readonly told: ToldTable
}

type StoryOps = Pick<Ops, 'storyHead' | 'storyStanding' | 'storyTold' | 'storyAttempts' | 'storyLater' | 'storyBatch'>

/** Attempts of one batch that are told. */
export const attemptsTold = 50
/** Rows of an object that one step looks at. */
const laterAtOnce = 1_000

export function createStory(db: Database, deps: StoryDeps): StoryOps {
  const { endpoints, log, told } = deps
  const known = createKnown(db)
  const names = () => [...endpoints.cursors().keys()]
  return {
    storyHead: (sequence) => {
      const [row] = log.rows([sequence])
      const head = row && headOf(row)
      return { ...present({ row: head, about: head ?? known(sequence) }), endpoints: names() }
    },
    storyStanding: createStanding(db, deps),
    storyTold: told.find,
    storyAttempts: createAttemptsOf(db),
    storyLater: createLater(db),
    storyBatch: createBatch(db, { told, names }),
  }
}

function headOf({ body: _, patch: __, ...head }: ReturnType<Log['rows']>[number]): RowHead {
  return head
}

/** The object whose last known state an event brought. */
function createKnown(db: Database): (sequence: Sequence) => EventObject | undefined {
  const bySequence = db.query(
    `SELECT cluster, grp AS "group", version, kind, resource, namespace, name, uid, resource_version AS resourceVersion,
       observed_at AS observedAt, traceparent
     FROM inventory JOIN streams ON streams.id = inventory.stream WHERE sequence = ? LIMIT 1`,
    object({
      ...{ cluster: string, group: string, version: string, kind: string, resource: string, namespace: string, name: string },
      ...{ uid: string, resourceVersion: string, observedAt: integer, traceparent: nullable(string) },
    }),
  )
  return (sequence) => {
    const row = bySequence.get(sequence)
    if (row === undefined) return undefined
    const { cluster, observedAt, traceparent, ...ref } = row
    return { cluster, object: ref, observedAt, ...present({ traceparent }) }
  }
}

function createStanding(db: Database, { backlog, batches, endpoints }: StoryDeps): Ops['storyStanding'] {
  const oldest = db.query('SELECT at FROM attempts WHERE endpoint = ? ORDER BY number LIMIT 1', object({ at: integer }))
  return ({ endpoint, sequence }: EventAtEndpoint) => {
    const { cursor } = endpoints.state(endpoint)
    const inFront = () =>
      batches.waiting(endpoint).events + backlog.events(endpoint, cursor) - backlog.events(endpoint, sequence - 1)
    return { cursor, ...present({ attemptsSince: oldest.get(endpoint)?.at }), ...(cursor < sequence && { before: inFront() }) }
  }
}

const noAttempts = (): { attempts: AttemptRecord[]; attemptsBefore: number } => ({ attempts: [], attemptsBefore: 0 })

function createAttemptsOf(db: Database): Ops['storyAttempts'] {
  const made = db.query(
    `SELECT ${attemptColumns}, untaken FROM attempts
     WHERE endpoint = ? AND batch IN (SELECT value FROM json_each(?)) ORDER BY number DESC`,
    object({ ...attemptFields, untaken: nullable(sequencesOf) }),
  )
  return ({ endpoint, batches, sequences }: Input<'storyAttempts'>): Output<'storyAttempts'> => {
    const wanted = new Set(sequences)
    const stories = new Map(batches.map((batch) => [batch, noAttempts()]))
    for (const { untaken, ...row } of made.each(endpoint, JSON.stringify(batches))) {
      const story = stories.get(row.batch)
      if (story === undefined) continue
      if (story.attempts.length === attemptsTold) {
        story.attemptsBefore++
        continue
      }
      const named = untaken?.filter((each) => wanted.has(each)) ?? []
      story.attempts.unshift({ ...attemptRecord(row), ...(named.length > 0 && { untaken: named }) })
    }
    return [...stories].map(([batch, story]) => ({ batch, ...story }))
  }
}

function createLater(db: Database): Ops['storyLater'] {
  const following = db.query(
    `SELECT log.sequence, log.routes, streams.cluster, streams.grp AS "group", streams.resource
     FROM log JOIN streams ON streams.id = log.stream WHERE log.uid = ? AND log.sequence > ? ORDER BY log.sequence LIMIT ${laterAtOnce}`,
    object({ sequence: integer, routes: jsonText(routesText), cluster: string, group: string, resource: string }),
  )
  return ({ endpoint, about: { cluster, object: of }, after }: Input<'storyLater'>): Output<'storyLater'> => {
    const rows = following.all(of.uid, after)
    const sequences = rows
      .filter((row) => row.cluster === cluster && row.group === of.group && row.resource === of.resource)
      .filter(({ routes }) => routes.some((route) => route.endpoint === endpoint))
      .map(({ sequence }) => sequence)
    const last = rows.length === laterAtOnce ? rows.at(-1)?.sequence : undefined
    return { sequences, ...present({ next: last }) }
  }
}

function createBatch(db: Database, { told, names }: { readonly told: ToldTable; readonly names: () => readonly string[] }) {
  const frozen = db.query(
    `SELECT endpoint, (SELECT json_group_array(value ->> 'sequence') FROM json_each(members)) AS sequences FROM batches WHERE id = ?`,
    object({ endpoint: string, sequences: jsonText(array(integer)) }),
  )
  return (id: string): Output<'storyBatch'> => {
    const held = frozen.get(id)
    for (const endpoint of names()) {
      const found = told.get(endpoint, id)
      if (found !== undefined) return { endpoint, told: found, held: held !== undefined }
    }
    return held && { endpoint: held.endpoint, told: { sequences: held.sequences }, held: true }
  }
}
