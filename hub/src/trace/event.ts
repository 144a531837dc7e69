/** One event as it is told: its times, what its endpoints make of it, and what else is to be known. */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import { parseTraceparent } from '@watch-hub/shared/protocol/traceparent'
import type { Snapshot } from '../config/model.ts'
import { fence } from '../delivery/allow.ts'
import { paddedSequence } from '../delivery/formats/format.ts'
import type { EndpointStatus } from '../delivery/status.ts'
import type { EndpointStory, Story } from '../store/story.ts'
import type { EndpointTrace, EventTrace } from './model.ts'
import { placeOf } from './whereabouts.ts'

/** What is known besides the story. */
export interface Now {
  readonly snapshot: Snapshot | undefined
  readonly statuses: ReadonlyMap<string, EndpointStatus>
  /** Requests of an endpoint that are sent just now, by their batch: since when. */
  readonly sending: (endpoint: string) => ReadonlyMap<string, number>
  /** The commit that decided who is told. */
  readonly commit?: string | undefined
  /** Only what this scan told is asked for. */
  readonly scan?: string | undefined
  /** Only this endpoint was asked for: the story has no other one. */
  readonly endpoint?: string | undefined
}

export function eventOf(story: Story, now: Now): EventTrace {
  const { sequence, row, about } = story
  const traceId = traceIdOf(row?.traceparent ?? about?.traceparent)
  const observedAt = row?.observedAt ?? about?.observedAt
  const asked = story.endpoints.filter((each) => isOfScan(each, now.scan))
  const told = (asked.length > 0 ? asked : story.endpoints).map((each) => endpointOf(story, each, now))
  return {
    id: paddedSequence(sequence),
    ...(about !== undefined && { cluster: about.cluster, object: about.object }),
    ...(row !== undefined && { change: row.change, cause: row.cause, storedAt: row.appendedAt, matches: row.matches }),
    ...(traceId !== undefined && { traceId }),
    ...(now.commit !== undefined && { commit: now.commit }),
    ...(row?.changedAt !== undefined && { changedAt: row.changedAt }),
    ...(observedAt !== undefined && { observedAt }),
    ...(row?.sentAt !== undefined && { sentAt: row.sentAt }),
    ...(row?.receivedAt !== undefined && { receivedAt: row.receivedAt }),
    endpoints: told,
    notes: notesOf(story, now, asked.length),
  }
}

const traceIdOf = (traceparent: string | undefined): string | undefined =>
  traceparent === undefined ? undefined : parseTraceparent(traceparent)?.traceId

/** A frozen one does not say which scan it is from. */
const isOfScan = ({ told, held }: EndpointStory, scan: string | undefined): boolean =>
  scan === undefined || held.length > 0 || told.some((each) => each.scan === scan)

function endpointOf({ row, about }: Story, story: EndpointStory, { snapshot, statuses, sending }: Now): EndpointTrace {
  const { endpoint, told, toldBefore, letters, held } = story
  const config = snapshot?.endpoints.get(endpoint)
  const route = row?.routes.find((each) => each.endpoint === endpoint) ?? held[0]?.member
  const place = placeOf({
    story,
    config,
    status: statuses.get(endpoint),
    sending: sending(endpoint),
    inside: config === undefined || about === undefined || fence(config.allow)({ cluster: about.cluster, ...about.object }),
    observedAt: row?.observedAt,
    changedAt: row?.change === 'gone' ? undefined : row?.changedAt, // what is gone tells its last write, not its end
    storedAt: row?.appendedAt,
    idOf: paddedSequence,
  })
  return {
    endpoint,
    ...(route !== undefined && { type: route.type, watches: route.watches }),
    ...(route?.reason !== undefined && { reason: route.reason }),
    requests: told,
    requestsBefore: toldBefore,
    letters: letters.map(({ id, diedAt, attempts, cause, reason }) => ({ id, diedAt, attempts, cause, reason })),
    ...place,
  }
}

/** Of others only what its row says is known: they were not asked. */
function notTold(endpoint: string, row: Story['row']): string {
  const others = row?.routes.map((route) => route.endpoint) ?? []
  if (others.length > 0) return `${endpoint} is not told of it, but ${others.join(', ')}`
  return row === undefined ? `nothing is known of it that ${endpoint} was told` : `${endpoint} is not told of it`
}

function notesOf({ row, about, endpoints }: Story, { scan, endpoint, statuses }: Now, ofScan: number): readonly string[] {
  const gone =
    row === undefined
      ? ['the log has it no longer: what is told here is known from requests, the inventory and dead letters']
      : []
  const lost = scan !== undefined && ofScan === 0 ? [`no request of scan ${scan} is known any more`] : []
  if (endpoints.length > 0) return [...gone, ...lost]
  if (endpoint !== undefined) return [...gone, ...lost, notTold(endpoint, row)]
  if (row === undefined) return [...gone, ...lost]
  const matches = row.matches.join(', ')
  const why =
    matches === ''
      ? 'told to nobody: it matches no watch now, and none that matched it before sends that to an endpoint'
      : `told to nobody: it matches ${matches}, which send this change to no endpoint, or what waited was passed over since`
  const scans = [...statuses.values()].flatMap(({ name, scans }) =>
    scans
      .filter(({ cluster, watch }) => cluster === about?.cluster && row.matches.includes(watch))
      .map(
        ({ watch, reason, sent, total }) =>
          `${name} is told ${watch} by a scan (${reason}, ${sent}/${total}), maybe this object too`,
      ),
  )
  const { namespace, name } = row.object
  const place = namespace === '' ? '' : ` -n ${namespace}`
  const how = `'watch-hub why ${resourceName(row.object)}/${name}${place} --cluster ${row.cluster}' says who would be told of it now`
  return [...lost, why, ...scans, how]
}
