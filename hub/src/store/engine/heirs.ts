/**
 * Heirs: a commit that changes a projection moves watches from one stream to another of the same kind. What the hub holds moves along,
 * so that the agent's next comparison finds what really differs (`updated`, `projection`) and takes nothing for new.
 *
 * Watch by watch, a row passes to the plan's streams that have the watch now; a watch that the plan does not have (renamed, perhaps)
 * passes to those that its endpoints get. A stream that the plan dropped gives its rows away, one that stays lends copies, once.
 * What nobody takes stays where it is: stale, until the stream comes back.
 * An heir that holds the object already keeps its own row; where both hold the same content, their watches are united.
 *
 * Agents ask for an index only after their frames of that kind were acked, so nothing follows in a dropped stream.
 */
import { decodeJson, integer, object, string } from '@watch-hub/shared/protocol/decode'
import type { Input } from '../calls.ts'
import type { Audiences } from './audiences.ts'
import type { Bodies } from './bodies.ts'
import { names } from './columns.ts'
import type { Comparisons } from './comparisons.ts'
import type { Holding, Inventory } from './inventory.ts'
import type { Log } from './log.ts'
import type { PlanRoutes, Plans } from './plans.ts'
import type { Removals } from './removals.ts'
import { createStreamSums, type StreamSums } from './stream-sums.ts'
import type { StreamRow, Streams } from './streams.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface HeirDeps {
  readonly audiences: Audiences
  readonly bodies: Bodies
  readonly comparisons: Pick<Comparisons, 'reopen'>
  readonly inventory: Inventory
  readonly log: Log
  readonly plans: Plans
  readonly removals: Pick<Removals, 'isOwed'>
  readonly streams: Streams
  readonly subscriptions: Subscriptions
}

/** Rows handled in one step. */
const rowsPerStep = 2_000

const position = object({ source: integer, uid: string })

/** One step for all streams of the kind of `stream`. Says where to go on; nothing = done. Doing it again changes nothing. */
export const createInherit =
  (deps: HeirDeps) =>
  (input: Input<'inherit'>): string | undefined => {
    const plan = deps.plans.get(input.cluster, input.plan)
    if (plan === undefined) throw new Error(`${input.cluster}: expected a plan that this hub made, got ${input.plan}`)
    const from = input.position === undefined ? { source: 0, uid: '' } : decodeJson(position, input.position)
    const sums = createStreamSums(deps.streams)
    using _written = { [Symbol.dispose]: sums.write }
    let budget = rowsPerStep
    for (const source of sourcesOf(input.stream, plan, deps.streams).filter(({ id }) => id >= from.source)) {
      const handing = handingOf(source, plan, deps)
      if (handing === undefined) continue
      const after = source.id === from.source ? from.uid : ''
      const rows = deps.inventory.page(source.id, { after, limit: budget })
      const takers = new Set(rows.flatMap(({ uid, ...row }) => passOn(uid, row, { ...handing, sums })))
      for (const heir of takers) deps.streams.passDoubt(source.id, heir)
      if (rows.length === budget) return JSON.stringify({ source: source.id, uid: rows.at(-1)?.uid ?? after })
      budget -= rows.length
      passInStep(handing)
    }
    return undefined
  }

/** Streams of the cluster that are of the same kind as `stream`, itself among them. */
function sourcesOf(stream: string, { routes }: PlanRoutes, streams: Streams): readonly StreamRow[] {
  const kind = routes.streams.find(({ id }) => id === stream)?.resource
  return streams.ofCluster(routes.cluster).filter(({ name }) => name === kind)
}

/** What one stream hands on to others. */
interface Handing {
  readonly source: StreamRow
  /** The plan dropped the source: its rows leave it. */
  readonly dropped: boolean
  /** Numbers of the streams that a watch passes to; none = it stays. */
  readonly heirs: (watch: string) => readonly number[]
  /** Some endpoint has to be told of the watch's objects that a commit took them (removals.ts). */
  readonly owes: (watch: string) => boolean
  readonly deps: HeirDeps
}

function handingOf(source: StreamRow, plan: PlanRoutes, deps: HeirDeps): Handing | undefined {
  const { routes } = plan
  const own = plan.streams.get(source.stream)
  const others = routes.streams.filter(({ id, resource }) => resource === source.name && id !== source.stream)
  if (others.length === 0) return undefined
  const heard = deps.subscriptions.heard({ cluster: routes.cluster, kind: source.name })
  const takes = ({ watches }: (typeof others)[number], watch: string): boolean => {
    if (own?.includes(watch)) return false
    if (plan.watches.has(watch)) return watches.includes(watch)
    const gets = watches.flatMap((each) => plan.watches.get(each)?.endpoints ?? [])
    return own === undefined && gets.some((endpoint) => heard.get(endpoint)?.has(watch))
  }
  const known = new Map<string, readonly number[]>()
  const heirs = (watch: string): readonly number[] => {
    const before = known.get(watch)
    if (before !== undefined) return before
    const found = others.filter((each) => takes(each, watch)).flatMap(({ id }) => heirNumber(id, watch))
    known.set(watch, found)
    for (const heir of found) deps.streams.passDoubt(source.id, heir)
    return found
  }
  const heirNumber = (stream: string, watch: string): readonly number[] => {
    const number = deps.streams.sibling(source, routes.cluster, stream)
    const inStep = deps.audiences.inStep(number)
    // A stream that stays lends a watch until the other one has compared it by itself.
    if (own !== undefined && inStep.has(watch)) return []
    // What the plan has no name for goes to no stream whose index the agent keeps: nobody would compare it.
    const kept = plan.streams.get(stream)?.every((each) => inStep.get(each) === plan.watches.get(each)?.definition) ?? false
    return kept && !plan.watches.has(watch) ? [] : [number]
  }
  // What was never compared in full here is not worth lending.
  const lends = own === undefined || [...deps.audiences.inStep(source.id).keys()].some((watch) => heirs(watch).length > 0)
  const owes = (watch: string) => deps.removals.isOwed({ cluster: routes.cluster, kind: source.name, watch })
  return lends ? { source, dropped: own === undefined, heirs, owes, deps } : undefined
}

function passOn(
  uid: string,
  row: Holding,
  { source, dropped, heirs, owes, deps, sums }: Handing & { readonly sums: StreamSums },
): readonly number[] {
  const { inventory, bodies, log } = deps
  const matches = decodeJson(names, row.matches)
  const takers = new Set(matches.flatMap(heirs))
  // Who is still to be told that a commit took the object finds it where it goes.
  const owed = dropped ? matches.filter((watch) => heirs(watch).length === 0 && owes(watch)) : []
  for (const heir of takers) {
    const passing = matches.filter((watch) => heirs(watch).includes(heir) || owed.includes(watch))
    const present = inventory.get(heir, uid)
    if (present === undefined) {
      const now = { ...row, matches: JSON.stringify(passing) }
      inventory.put(heir, uid, now)
      sums.change({ stream: heir, uid, before: undefined, now })
    } else if (present.hash === row.hash || owed.length > 0) {
      const united = new Set([...decodeJson(names, present.matches), ...(present.hash === row.hash ? passing : owed)])
      const now = { ...present, matches: JSON.stringify([...united].sort()) }
      inventory.setMatches(heir, uid, now.matches)
      sums.change({ stream: heir, uid, before: present, now })
    }
  }
  if (!dropped || takers.size === 0) return [...takers]
  inventory.remove(source.id, uid)
  sums.change({ stream: source.id, uid, before: row, now: undefined })
  if (row.sequence <= log.totals().thinned) bodies.release(row.sequence)
  return [...takers]
}

/** What was in step stays so: the heir's rows are what the source had compared. */
function passInStep({ source, dropped, heirs, deps }: Handing): void {
  const { audiences, comparisons } = deps
  const loose = audiences.loose(source.id)
  for (const [watch, definition] of audiences.inStep(source.id)) {
    const takers = heirs(watch)
    for (const heir of takers) {
      audiences.setInStep(heir, { watch, definition })
      if (loose.has(watch)) audiences.loosen(heir, [watch])
      comparisons.reopen(heir)
    }
    if (dropped && takers.length > 0) audiences.dropInStep(source.id, watch)
  }
}
