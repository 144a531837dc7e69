/**
 * The engine: every operation of the store on one database, in this thread. Each is one step of a transaction that group.ts opens and
 * commits; none of them waits for anything. State that is kept beside the database can be read from it again (`forget`).
 */
import { randomUUID } from 'node:crypto'
import { object, string } from '@watch-hub/shared/protocol/decode'
import type { Ops } from '../calls.ts'
import type { StoreStats } from '../store.ts'
import { createActivate } from './activate.ts'
import { createAgents } from './agents.ts'
import { createAppend } from './append.ts'
import { createAttempts } from './attempts.ts'
import { createAudiences } from './audiences.ts'
import { createBacklog } from './backlog.ts'
import { createBatches } from './batches.ts'
import { createBodies } from './bodies.ts'
import { createCompaction } from './compaction.ts'
import { createComparisons } from './comparisons.ts'
import { createContexts } from './contexts.ts'
import type { Database } from './database.ts'
import { createDeadLetters } from './dead-letters.ts'
import { createDropBacklog } from './drop-backlog.ts'
import { createEndpoints } from './endpoints.ts'
import { createFreeze } from './freeze.ts'
import { createGuards } from './guards.ts'
import { createInherit } from './heirs.ts'
import { createInventory } from './inventory.ts'
import { createLeavings } from './leavings.ts'
import { createLogTable } from './log.ts'
import { createObjectEvents } from './object-events.ts'
import { createPatches } from './patches.ts'
import { createPauses } from './pauses.ts'
import { createPlans } from './plans.ts'
import { createRemovals } from './removals.ts'
import { renewScans } from './renewed.ts'
import { createReadReplay } from './replays.ts'
import { createPrune } from './retention.ts'
import { createScanSources } from './scan-sources.ts'
import { createScans } from './scans.ts'
import { migrate } from './schema.ts'
import { createStale } from './stale.ts'
import { createStory } from './story.ts'
import { createStoryHeld } from './story-held.ts'
import { createStreams } from './streams.ts'
import { createSubscriptions } from './subscriptions.ts'
import { createTold } from './told.ts'
import { createWanting } from './wanting.ts'

/** Another process has the database now: this one can do nothing more with it. */
export class NotSoleWriter extends Error {
  override readonly name = 'NotSoleWriter'
}

export interface Engine {
  readonly hubId: string
  readonly ops: Ops
  head(): number
  /** Throws `NotSoleWriter` when another process has opened the database since: two hubs on one database would contradict each other. */
  checkSoleWriter(): void
  /** After a rollback: drops all that is remembered of the database. */
  forget(): void
}

export interface EngineDeps {
  readonly now: () => number
  readonly commits: () => Pick<StoreStats, 'commitMs' | 'commits'>
}

/** Brings the database to its newest schema and takes it over. */
export function createEngine(db: Database, { now, commits }: EngineDeps): Engine {
  migrate(db)
  const identity = takeOver(db)
  const parts = createParts(db, { now, generation: identity.generation })
  const { streams, plans, audiences, log, patches } = parts
  renewScans(db, parts.scans)
  return {
    ...identity,
    ops: createOps(db, parts, commits),
    head: () => log.totals().head,
    forget: () => {
      for (const part of [streams, plans, audiences, patches]) part.forget()
    },
  }
}

function createParts(db: Database, { now, generation }: { readonly now: () => number; readonly generation: string }) {
  const bodies = createBodies(db)
  const backlog = createBacklog(db)
  const inventory = createInventory(db)
  const comparisons = createComparisons(db)
  const agents = createAgents(db, generation)
  const streams = createStreams(db)
  const subscriptions = createSubscriptions(db)
  const plans = createPlans(db)
  const contexts = createContexts(db, plans)
  const audiences = createAudiences(db, { leavings: createLeavings(db), subscriptions })
  const told = createTold(db)
  const attempts = createAttempts(db, told)
  const batches = createBatches(db)
  const deadLetters = createDeadLetters(db)
  const pauses = createPauses(db)
  const endpoints = createEndpoints(db, { backlog, batches, deadLetters })
  const log = createLogTable(db, { backlog, now })
  const patches = createPatches(db, { bodies, log })
  const stale = createStale(db, { audiences, bodies, inventory, log, plans, streams })
  const sources = createScanSources(db, { audiences, streams })
  const guards = createGuards(db, { plans, sources, subscriptions, now })
  const wanting = createWanting({ plans, subscriptions })
  const removals = createRemovals(db, { audiences, guards, log, plans, streams, subscriptions, wanting })
  const telling = {
    agents,
    audiences,
    bodies,
    contexts,
    endpoints,
    log,
    plans,
    removals,
    sources,
    streams,
    subscriptions,
    wanting,
  }
  const scans = createScans(db, { ...telling, now })
  const data = { attempts, batches, bodies, backlog, comparisons, deadLetters, inventory, log, patches, streams, told }
  const routing = { audiences, contexts, guards, plans, removals, scans, sources, stale, subscriptions }
  return { ...data, ...routing, agents, endpoints, pauses, now }
}

type Parts = ReturnType<typeof createParts>

function createOps(db: Database, parts: Parts, commits: EngineDeps['commits']): Ops {
  const { agents, comparisons, contexts, endpoints, inventory, log, patches, plans, scans, streams } = parts
  const { attempts, batches, deadLetters, guards, pauses } = parts
  const compaction = createCompaction(db, parts)
  return {
    activate: createActivate(parts),
    inherit: createInherit(parts),
    index: ({ cluster, stream, ...page }) => {
      const known = streams.ofCluster(cluster).find((each) => each.stream === stream)
      return known === undefined ? [] : inventory.index(known.id, page)
    },
    indexRead: ({ cluster, stream, checksum }) => {
      const known = streams.ofCluster(cluster).find((each) => each.stream === stream)
      if (known !== undefined) comparisons.readOut(known.id, checksum)
    },
    append: createAppend(parts),
    endpoint: ({ name, after }) => ({ ...endpoints.state(name), ...batches.page(name, after), scans: scans.of(name) }),
    standing: (name) => ({ ...endpoints.state(name), scans: scans.of(name) }),
    read: log.read,
    rows: log.rows,
    readScan: (of) => scans.read(of, log.totals().head),
    resync: (order) => {
      patches.forget()
      return scans.resync(order)
    },
    resyncDue: (periods) => {
      patches.forget()
      return scans.resyncDue(periods)
    },
    dropBacklog: createDropBacklog(db, parts),
    freeze: createFreeze({ ...parts, compaction }),
    deadLetters: deadLetters.list,
    deadLetter: deadLetters.get,
    dropDeadLetters: deadLetters.drop,
    readReplay: createReadReplay(db, parts),
    attempts: attempts.list,
    context: contexts.get,
    tail: log.tail,
    ...createStory(db, parts),
    storyHeld: createStoryHeld(db),
    ...createObjectEvents(db, parts),
    saveToken: agents.saveToken,
    join: (attempt) => agents.join(attempt, () => plans.dropContexts(attempt.cluster)),
    openProcess: (of) => agents.openProcess(of, () => streams.doubt(of.cluster)),
    isDoubted: ({ cluster, stream }) => streams.isDoubted(cluster, stream),
    revoke: agents.revoke,
    agents: agents.all,
    setPaused: (of) => {
      // Whoever lifts another hold has not seen this one.
      if (of.pause === undefined && !pauses.all().has(of.endpoint)) guards.pass(of.endpoint)
      pauses.set(of)
    },
    paused: () => new Map([...guards.held(), ...pauses.all()]),
    stats: () => {
      const { rows: logRows, bytes: logBytes } = log.totals()
      const backlogs = endpoints.backlogs().map((each) => ({ ...each, scans: scans.of(each.endpoint) }))
      return {
        logRows,
        logBytes,
        inventory: streams.inventory(),
        comparisons: comparisons.all(),
        endpoints: backlogs,
        ...commits(),
      }
    },
    prune: createPrune(db, parts),
    compact: compaction.step,
    room: () => ({ logBytes: log.totals().bytes, freeBytes: db.freeBytes() }),
    needy: endpoints.needy,
    letterTotals: deadLetters.totals,
  }
}

const value = object({ value: string })

/**
 * A copy that is to become a database of its own has no `generation`: the first hub that opens it begins another history, and what the
 * copy's streams hold may be older than what endpoints were sent.
 */
function takeOver(db: Database): Pick<Engine, 'hubId' | 'checkSoleWriter'> & { readonly generation: string } {
  const set = db.command('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const get = db.query('SELECT value FROM meta WHERE key = ?', value)
  const writer = randomUUID()
  db.exec('BEGIN IMMEDIATE')
  const hubId = get.get('hub-id')?.value ?? randomUUID()
  const known = get.get('generation')?.value
  if (known === undefined) db.exec('UPDATE streams SET doubted = 1')
  const generation = known ?? randomUUID()
  set('hub-id', hubId)
  set('generation', generation)
  set('writer', writer)
  db.exec('COMMIT')
  return {
    hubId,
    generation,
    checkSoleWriter: () => {
      if (get.get('writer')?.value !== writer)
        throw new NotSoleWriter(
          `${db.file}: expected to be the only hub that writes here, but another process has opened it: stop one of them`,
        )
    },
  }
}
