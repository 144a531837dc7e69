/** A trace as a timeline that people read: each line has its time and how long after the first one it was. */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { BatchTrace, EndpointTrace, EventTrace, RequestTrace, Trace } from '../trace/model.ts'
import { clockTime, counted, inOneLine, objectName, short, took } from './output.ts'

/** A moment, and what happened then. */
type Moment = readonly [at: number, what: string]

/** `now`: ms */
export function traceText({ events, batch, notes }: Trace, now: number): readonly string[] {
  const blocks = [...(batch === undefined ? [] : [batchText(batch)]), ...events.map((event) => eventText(event, now))]
  const lines = blocks.flatMap((block, i) => (i === 0 ? block : ['', ...block]))
  return [...lines, ...notes.map((note) => `note: ${inOneLine(note)}`)]
}

function eventText(event: EventTrace, now: number): readonly string[] {
  const moments = momentsOf(event)
  const attempts = event.endpoints.flatMap(({ requests }) => requests).flatMap(({ attempts }) => attempts)
  const first = beginOf(event) ?? moments[0]?.[0] ?? attempts[0]?.at ?? now
  const from = origin(first)
  return [
    ...headOf(event, first),
    ...moments.map(([at, what]) => `  ${from.line(at)}  ${what}`),
    ...event.notes.map((note) => `  ${inOneLine(note)}`),
    ...event.endpoints.flatMap((endpoint) => endpointText(endpoint, from, now)),
  ]
}

function headOf({ id, cluster, object, change, cause, traceId, commit }: EventTrace, first: number): readonly string[] {
  const found = cause === undefined || cause === 'live' ? '' : ' (found by comparing)'
  const what = object === undefined ? [] : [`${resourceName(object)} ${objectName(object)}`]
  const facts = [...what, ...(change === undefined ? [] : [`${change}${found}`]), ...(cluster === undefined ? [] : [cluster])]
  const origins = [
    ...(traceId === undefined ? [] : [`trace ${traceId}`]),
    ...(commit === undefined ? [] : [`commit ${short(commit)}`]),
  ]
  return [
    [`event ${id}`, ...facts, clockTime(first).slice(0, 10)].map(inOneLine).join('  '),
    ...(origins.length === 0 ? [] : [`  ${origins.map(inOneLine).join('  ')}`]),
  ]
}

/** What a comparison finds can have been written long before. */
const longBefore = 60_000

/** Times are counted from the last write, if that is what was observed. */
const beginOf = ({ changedAt, observedAt }: EventTrace): number | undefined =>
  changedAt !== undefined && observedAt !== undefined && Math.abs(observedAt - changedAt) > longBefore ? observedAt : undefined

const momentsOf = ({ changedAt, observedAt, sentAt, receivedAt, storedAt }: EventTrace): readonly Moment[] =>
  [
    [changedAt, 'last written at the API server, as far as its object tells'] as const,
    [observedAt, 'observed by the agent'] as const,
    [sentAt, 'sent'] as const,
    [receivedAt, 'received by the hub'] as const,
    [storedAt, 'stored'] as const,
  ].flatMap(([at, what]): readonly Moment[] => (at === undefined ? [] : [[at, what]]))

/** Writes times, and how far they are from the first one. */
interface Origin {
  line(at: number): string
  time(at: number): string
}

const offsetWidth = 7

function origin(first: number): Origin {
  const day = clockTime(first).slice(0, 10)
  const time = (at: number) => {
    const text = clockTime(at)
    return text.startsWith(`${day}T`) ? text.slice(11, 23) : text
  }
  const offset = (ms: number) => (ms === 0 ? '' : `${ms < 0 ? '-' : '+'}${took(Math.abs(ms))}`)
  return { time, line: (at) => `${time(at)}  ${offset(at - first).padEnd(offsetWidth)}` }
}

function endpointText(endpoint: EndpointTrace, from: Origin, now: number): readonly string[] {
  const { type, reason, watches = [], requests, requestsBefore } = endpoint
  const told = type === undefined ? [] : [reason === undefined ? type : `${type} (${reason})`]
  const head = [endpoint.endpoint, ...told, ...(watches.length === 0 ? [] : [`watches ${watches.join(', ')}`])]
  const before = requestsBefore === 0 ? [] : [`    ${counted(requestsBefore, 'earlier request')} told it`]
  return [
    `  ${head.map(inOneLine).join('  ')}`,
    ...before,
    ...requests.flatMap((request) => requestText(request, from).map((line) => `    ${line}`)),
    `    ${inOneLine(placeText(endpoint, from, now))}`,
  ]
}

function requestText({ batch, scan, attempts, attemptsBefore }: RequestTrace, from: Origin): readonly string[] {
  const before = attemptsBefore === 0 ? [] : [`  ${counted(attemptsBefore, 'earlier attempt')}`]
  return [
    `batch ${batch}${scan === undefined ? '' : ` of scan ${scan}`}`,
    ...before,
    ...attempts.map((attempt, i) => {
      const { at, durationMs, outcome, status, error, resends } = attempt
      const answer = status === undefined ? outcome : String(status)
      const resent = resends === 0 ? '' : `, ${counted(resends, 'resend')}`
      const made = `attempt ${attemptsBefore + i + 1}: ${answer} in ${took(durationMs)}${resent}`
      const why = error === undefined ? [] : [`${status === undefined ? '' : `${outcome}: `}${error}`]
      return `  ${from.line(at)}  ${[made, ...why].map(inOneLine).join('  ')}`
    }),
  ]
}

function placeText(endpoint: EndpointTrace, from: Origin, now: number): string {
  const { state, text, since, next, afterObservedMs, afterChangedMs } = endpoint
  const when = since === undefined ? '' : state === 'delivered' ? ` at ${from.time(since)}` : `, since ${from.time(since)}`
  const then = next === undefined ? '' : `; next ${next <= now ? 'now' : `in ${took(next - now)}`}`
  return `${text}${when}${then}${latency(afterObservedMs, afterChangedMs)}`
}

/** The API server tells whole seconds, so what lies before that is no latency. */
function latency(observed: number | undefined, changed: number | undefined): string {
  if (observed === undefined) return ''
  const since = changed === undefined || changed < 0 ? '' : `, ${took(changed)} after its last write`
  return observed < 0 ? since : `, ${took(observed)} after it was observed${since}`
}

function batchText({ endpoint, held, count, events, ...request }: BatchTrace): readonly string[] {
  const [first] = request.attempts
  const from = origin(first?.at ?? 0)
  const accepted = request.attempts.some(({ outcome }) => outcome === 'accepted')
  const state = accepted ? 'accepted' : held ? 'waits' : 'not accepted, and not waiting any more'
  const [head = '', ...attempts] = requestText(request, from)
  const day = first === undefined ? [] : [clockTime(first.at).slice(0, 10)]
  const more = count > events.length ? [`  … and ${counted(count - events.length, 'more event')}`] : []
  return [
    [head, endpoint, counted(count, 'event'), state, ...day].map(inOneLine).join('  '),
    ...attempts,
    ...events.map(({ id, cluster, object }) => {
      const what = object === undefined ? [] : [`${resourceName(object)} ${objectName(object)}`]
      return `  ${[`event ${id}`, ...what, ...(cluster === undefined ? [] : [cluster])].map(inOneLine).join('  ')}`
    }),
    ...more,
  ]
}
