/** `watch-hub endpoint show`: all that the hub knows of one endpoint, in sentences. */
import type { BreakerStatus, EndpointDetail, ParkedObject } from '../delivery/detail.ts'
import { endpointDetail } from '../http/wire-delivery.ts'
import type { AttemptRecord } from '../store/store.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { age, bytes, clockTime, counted, inOneLine, json, objectName, table, took } from './output.ts'
import { almostFull, holdText, scanText, stateOf } from './status-text.ts'

export const show = command({
  name: 'show',
  about: 'one endpoint: its state and why, what waits and for how long, its pace, what is parked or dead, its last errors',
  args: [['<name>', 'the endpoint']],
  flags: { output: output('json'), ...hubFlags },
  run: async (io, { output, ...where }, [name = '']) => {
    const hub = await connectHub(io, where)
    const endpoint = await hub.get(`api/v1/endpoints/${encodeURIComponent(name)}`, endpointDetail)
    if (output === 'json') io.out(json(endpoint))
    else for (const line of endpointText(endpoint, Date.now())) io.out(line)
  },
})

/** `now`: ms */
export function endpointText(endpoint: EndpointDetail, now: number): readonly string[] {
  const { name, url, format, reason, since, breaker, holds, scans, parkedObjects, lastErrors } = endpoint
  const facts: readonly (readonly [name: string, fact: string])[] = [
    ['Endpoint', name],
    ['URL', url],
    ['Format', format],
    ['State', `${stateOf(endpoint)} for ${age(now - since)}${reason === undefined ? '' : `: ${reason}`}`],
    ...holds.map((hold) => ['Held', holdText(hold, now)] as const),
    ...(endpoint.failures === 0 ? [] : [['Failures', failuresText(endpoint, now)] as const]),
    ['Breaker', breakerText(breaker, now)],
    ['Backlog', backlogText(endpoint)],
    ['Pace', paceText(endpoint)],
    ['In flight', `${endpoint.inFlight} of ${counted(endpoint.concurrency, 'request')}`],
    ['Delivered', deliveredText(endpoint, now)],
    ['Skipped', skippedText(endpoint.skipped)],
    ['Parked', parkedText(endpoint)],
    ['Dead letters', lettersText(endpoint)],
    ...scans.map((scan) => ['Scan', scanText(scan)] as const),
  ]
  const width = Math.max(...facts.map(([fact]) => fact.length))
  return [
    ...facts.map(([fact, text]) => `${fact.padEnd(width)}  ${inOneLine(text)}`),
    ...parkedTable(parkedObjects, endpoint.parked.objects, now),
    ...errorTable(lastErrors, now),
  ]
}

function failuresText({ failures, nextAttemptAt }: EndpointDetail, now: number): string {
  const next = nextAttemptAt === undefined ? '' : `, next try in ${age(nextAttemptAt - now)}`
  return `${failures} in a row${next}`
}

const breakerWords = { closed: 'closed: requests go', open: 'OPEN: nothing is sent', 'half-open': 'HALF-OPEN: one request tries' }

function breakerText({ state, since, reason, nextProbeAt }: BreakerStatus, now: number): string {
  if (state === 'closed') return breakerWords.closed
  const why = reason === undefined ? '' : `: ${reason}`
  const next = nextProbeAt === undefined ? '' : `; the next try in ${age(nextProbeAt - now)}`
  return `${breakerWords[state]}, for ${age(now - since)}${why}${next}`
}

function backlogText({ backlog, oldestMs, drainMs }: EndpointDetail): string {
  if (backlog === 0) return 'nothing waits'
  const oldest = oldestMs === undefined ? '' : `, the oldest for ${age(oldestMs)}`
  const drained = drainMs === undefined ? '' : `; at the pace of the last minute it is gone in ${took(drainMs)}`
  return `${counted(backlog, 'event')}${oldest}${drained}`
}

function paceText({ recent: { eventsPerSecond, attempts, failed, p50Ms, p99Ms } }: EndpointDetail): string {
  if (attempts === 0) return 'no request ended within the last minute'
  const pace = eventsPerSecond >= 10 ? Math.round(eventsPerSecond) : Number(eventsPerSecond.toFixed(2))
  const times = p50Ms === undefined || p99Ms === undefined ? '' : `; half took up to ${took(p50Ms)}, 99 % up to ${took(p99Ms)}`
  return `${pace} events/s over the last minute, ${counted(attempts, 'request')}, ${failed} failed${times}`
}

function deliveredText({ delivered, lastDeliveredAt }: EndpointDetail, now: number): string {
  const last = lastDeliveredAt === undefined ? '' : `, the last ${age(now - lastDeliveredAt)} ago (${clockTime(lastDeliveredAt)})`
  return `${counted(delivered, 'event')} since the hub started${last}`
}

const skippedText = (skipped: number): string =>
  skipped === 0
    ? 'no version was skipped'
    : `${counted(skipped, 'version')} ${skipped === 1 ? 'was' : 'were'} skipped: newer ones of the same objects were told instead`

const parkedText = ({ parked }: EndpointDetail): string =>
  parked.objects === 0 ? 'no object' : `${counted(parked.objects, 'object')}, ${bytes(parked.bytes)} wait`

function lettersText({ name, deadLetters: { count, bytes: size, limit } }: EndpointDetail): string {
  const room = `${bytes(size)} of ${bytes(limit)}`
  if (count === 0) return 'none'
  const full = size >= almostFull * limit ? ': ALMOST FULL' : ''
  return `${count}, ${room}${full}; 'watch-hub dead-letters list --endpoint ${name}' shows them`
}

function parkedTable(parked: readonly ParkedObject[], all: number, now: number): readonly string[] {
  if (parked.length === 0) return []
  const rows = parked.map((each) => [
    each.cluster,
    each.resource,
    objectName(each),
    age(now - each.since),
    String(each.attempts),
    age(each.nextAttemptAt - now),
    String(each.events),
    each.reason,
  ])
  const head = ['CLUSTER', 'RESOURCE', 'PARKED OBJECT', 'FOR', 'ATTEMPTS', 'NEXT TRY', 'EVENTS', 'REASON']
  const more = all > parked.length ? [`… and ${all - parked.length} more`] : []
  return ['', ...table([head, ...rows]), ...more]
}

function errorTable(errors: readonly AttemptRecord[], now: number): readonly string[] {
  if (errors.length === 0) return []
  const rows = errors.map(({ at, outcome, events, durationMs, error = '' }) => [
    `${age(now - at)} ago`,
    outcome,
    String(events),
    took(durationMs),
    error,
  ])
  return ['', ...table([['LAST ERRORS', 'OUTCOME', 'EVENTS', 'TOOK', 'ERROR'], ...rows])]
}
