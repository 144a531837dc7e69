/** What stands between a watch that matches and the endpoint: its fence, holds, breaker and pace, and how it stands with this one object. */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { EndpointConfig, Snapshot, SourceRef } from '../config/model.ts'
import { formatDuration } from '../config/units.ts'
import { type FencePart, fenceParts } from '../delivery/allow.ts'
import type { AboutObject, EndpointDetail } from '../delivery/detail.ts'
import { holdText } from '../delivery/hold-text.ts'
import type { DeadLetterHead } from '../store/store.ts'
import type { Check } from './model.ts'
import { check, listed, type Subject, yesOrNo } from './subject.ts'

/** All that is known of the endpoint. */
export interface EndpointFacts {
  readonly config: EndpointConfig
  /** Absent in the moment before its courier runs. */
  readonly now?: { readonly detail: EndpointDetail; readonly object: AboutObject }
  /** Of this object, newest last; not all of them where there are many. */
  readonly letters: readonly DeadLetterHead[]
}

export function endpointChecks({ config, now, letters }: EndpointFacts, subject: Subject, snapshot: Snapshot): readonly Check[] {
  const at = (field: string): SourceRef => snapshot.places.endpoints.get(config.name)?.[field] ?? config.at
  const fence = allowChecks(config, subject, at)
  if (now === undefined) return [...fence, check('delivery', 'unknown', 'it is just beginning')]
  const { detail, object } = now
  return [
    ...fence,
    ...holdChecks(detail, at('paused')),
    ...blockedChecks(detail),
    breakerCheck(detail),
    ...parkedChecks(object),
    ...letterChecks(letters),
    ...paceChecks(config, object, at('rateLimit')),
    ...waitingChecks(detail),
    ...scanChecks(detail, subject),
  ]
}

function allowChecks({ allow }: EndpointConfig, subject: Subject, at: (field: string) => SourceRef): readonly Check[] {
  const { version, ...named } = subject
  return fenceParts(allow).map(({ part, test }) => {
    const where = at(`allow.${part}`)
    const held = test({ ...named, version: version ?? '' })
    if (!held && version === undefined && part === 'resources' && asksVersion(allow.resources, subject))
      return check('allow.resources', 'unknown', 'it asks for a version, and the agent could not be asked', where)
    return check(`allow.${part}`, yesOrNo(held), fenceText(part, allow, subject, held), where)
  })
}

const asksVersion = (refs: EndpointConfig['allow']['resources'], subject: Subject): boolean =>
  (refs ?? []).some((ref) => ref.version !== undefined && resourceName(ref) === resourceName(subject))

function fenceText(part: FencePart['part'], allow: EndpointConfig['allow'], subject: Subject, held: boolean): string {
  const kind = resourceName(subject)
  const own = { clusters: subject.cluster, namespaces: kind === 'namespaces' ? subject.name : subject.namespace, resources: kind }
  const resources = allow.resources?.map((ref) => `${resourceName(ref)}${ref.version === undefined ? '' : `/${ref.version}`}`)
  const allowed = { ...allow, resources }[part] ?? []
  return `"${own[part]}" ${held ? 'in' : 'not in'} [${listed(allowed)}]`
}

const holdChecks = ({ holds }: EndpointDetail, paused: SourceRef): readonly Check[] =>
  holds.map((hold) => {
    const { cause, since, until } = hold
    const text = cause === 'git' ? 'paused in Git' : holdText(hold) // whose place in Git is the check's
    return {
      ...check('hold', 'no', text, cause === 'git' ? paused : undefined),
      since,
      ...(until !== undefined && { next: until }),
    }
  })

const blockedChecks = ({ phase, reason, since }: EndpointDetail): readonly Check[] =>
  phase === 'blocked' ? [{ ...check('blocked', 'no', reason ?? 'something that a request needs is missing'), since }] : []

function breakerCheck({ breaker: { state, since, reason, nextProbeAt } }: EndpointDetail): Check {
  if (state === 'closed') return check('breaker', 'yes', 'closed: requests go')
  const why = reason === undefined ? '' : `: ${reason}`
  const words = state === 'open' ? 'open, nothing is sent' : 'half-open, one request tries'
  return { ...check('breaker', 'no', `${words}${why}`), since, ...(nextProbeAt !== undefined && { next: nextProbeAt }) }
}

function parkedChecks({ parked }: AboutObject): readonly Check[] {
  if (parked === undefined) return []
  const { attempts, events, reason, since, nextAttemptAt } = parked
  const behind = events > 1 ? `, ${events - 1} more of its events behind` : ''
  const text = `this object is parked after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}${behind}: ${reason}`
  return [{ ...check('parked', 'no', text), since, next: nextAttemptAt }]
}

function letterChecks(letters: readonly DeadLetterHead[]): readonly Check[] {
  const last = letters.at(-1)
  if (last === undefined) return []
  const others = letters.length > 1 ? `${letters.length} of this object, the newest ` : ''
  const text = `${others}${last.type} was given up: ${last.reason} ('watch-hub dead-letters show ${last.id}')`
  return [check('dead-letters', 'note', text)]
}

function paceChecks({ rateLimit }: EndpointConfig, { pacedMs }: AboutObject, at: SourceRef): readonly Check[] {
  if (rateLimit === undefined) return []
  const { requests, perMs } = rateLimit
  const now = pacedMs > 0 ? `used up, the next request waits ${Math.ceil(pacedMs)}ms` : 'not reached'
  return [check('rateLimit', 'note', `${requests} per ${formatDuration(perMs)}: ${now}`, at)]
}

function waitingChecks({ backlog, oldestMs }: EndpointDetail): readonly Check[] {
  if (backlog === 0) return []
  const oldest = oldestMs === undefined ? '' : `, the oldest for ${formatDuration(Math.round(oldestMs / 1_000) * 1_000)}`
  return [check('backlog', 'note', `${backlog} ${backlog === 1 ? 'event waits' : 'events wait'}${oldest}`)]
}

const scanChecks = ({ scans }: EndpointDetail, { cluster }: Subject): readonly Check[] =>
  scans
    .filter((scan) => scan.cluster === cluster)
    .slice(0, shownScans)
    .map(({ watch, reason, sent, total, waiting }) =>
      check(
        'scan',
        'note',
        `${reason} of ${watch}: ${sent}/${total}${waiting === true ? ', waits for the cluster to be compared' : ''}`,
      ),
    )

const shownScans = 10
