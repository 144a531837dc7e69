/**
 * Traces of the way out. Each attempt is a trace of its own, since attempts may lie hours apart:
 *
 *   deliver ENDPOINT   the root, linked to the events that it tells and to the attempt before it
 *     POST             a child for each HTTP request; its context goes to the receiver in the header `traceparent`
 *
 * An attempt is recorded if any of its events is; one that failed can be recorded always, which is known only when it is over. The receiver
 * was told by then that it is not sampled.
 */
import type { Resource } from '@opentelemetry/resources'
import {
  formatTraceparent,
  isSampled,
  newSpanId,
  newTrace,
  parseTraceparent,
  type TraceContext,
} from '@watch-hub/shared/protocol/traceparent'
import { eventId } from '../delivery/formats/format.ts'
import { shownUrl } from '../delivery/target.ts'
import type { AttemptEnd, AttemptStart, AttemptTrace, DeliveryTracer, RequestTrace } from '../delivery/tracer.ts'
import * as names from './attributes.ts'
import { stopwatch } from './clock.ts'
import { objectAttributes, objectText } from './event-attributes.ts'
import { idsListed } from './events.ts'
import type { SpanExport } from './export.ts'
import { linksOf } from './links.ts'
import type { Sampling } from './sampling.ts'
import type { Attributes, LinkTo, SpanData } from './span.ts'

export interface DeliveryTracingDeps {
  readonly spans: SpanExport
  readonly sampling: Sampling
  readonly hub: Resource
  /** The receiver hears of the trace. */
  readonly propagates: boolean
  /** Attempts that failed are recorded whatever the sampler said of their events. */
  readonly keepsFailures: boolean
}

export function createDeliveryTracing(deps: DeliveryTracingDeps): DeliveryTracer {
  const { spans, sampling } = deps

  function begin(start: AttemptStart): AttemptTrace {
    const watch = stopwatch()
    const drawn = newTrace()
    const sampled = isRecorded(start, () => sampling.event(drawn))
    const context = { ...drawn, sampled }
    const requests: SpanData[] = []
    return {
      traceparent: formatTraceparent(context),
      request: ({ url, resend }) =>
        request({ context, url, resend, propagates: deps.propagates, done: (span) => requests.push(span) }),
      end(of) {
        const failed = of.error !== undefined || (of.untaken ?? 0) > 0
        if (!sampled && !(failed && deps.keepsFailures)) return
        for (const span of requests) spans.add(() => span, deps.hub)
        const around = { context, start: watch.start, end: watch.end(), maxLinks: spans.maxLinks }
        spans.add(() => deliverSpan(start, of, around), deps.hub)
      },
    }
  }

  return { begin: (start) => (spans.wanted ? begin(start) : undefined) }
}

/**
 * It is if any of its events is. What a scan tells was sampled when it happened, at the pace of people perhaps, and comes all at once now: such an
 * attempt counts like an event that happens now, too.
 */
function isRecorded({ items }: AttemptStart, now: () => boolean): boolean {
  if (items.length === 0) return now()
  if (!items.some(({ row }) => isSampled(row.traceparent))) return false
  return items.some(({ scan }) => scan === undefined) || now()
}

const eventsOf = ({ items }: AttemptStart): readonly LinkTo[] =>
  items.flatMap((item) => {
    const context = parseTraceparent(item.row.traceparent ?? '')
    if (context === undefined) return []
    const { type, watches, reason } = item.member
    return [
      {
        context,
        attributes: {
          [names.messageId]: eventId(item),
          [names.clusterName]: item.row.cluster,
          [names.object]: objectText(item.row.object),
          [names.eventType]: type,
          [names.watches]: [...watches],
          ...(reason !== undefined && { [names.reason]: reason }),
        },
      },
    ]
  })

interface Around {
  readonly context: TraceContext
  readonly start: number
  readonly end: number
  readonly maxLinks: number
}

function deliverSpan(start: AttemptStart, of: AttemptEnd, { context, maxLinks, ...times }: Around): SpanData {
  const before = parseTraceparent(start.previous ?? '')
  const previous = before === undefined ? [] : [{ context: before, attributes: { [names.attempt]: start.number - 1 } }]
  const { links, total, dropped } = linksOf(eventsOf(start), maxLinks, previous)
  return {
    context,
    name: `deliver ${start.endpoint}`,
    kind: 'client',
    ...times,
    attributes: {
      [names.messagingSystem]: 'watch_hub',
      [names.operationName]: 'deliver',
      [names.operationType]: 'send',
      [names.destinationName]: start.endpoint,
      [names.messageCount]: start.items.length,
      [names.endpoint]: start.endpoint,
      [names.batch]: start.batch,
      [names.attempt]: start.number,
      [names.outcome]: of.outcome,
      [names.bodySize]: start.bytes,
      ...((of.untaken ?? 0) > 0 && { [names.untaken]: of.untaken }),
      ...aboutEvents(start),
      [names.linksTotal]: total,
      [names.linksDropped]: dropped,
      ...(of.error !== undefined && { [names.errorType]: of.outcome }),
    },
    links,
    ...(of.error !== undefined && { error: of.error }),
  }
}

/** Of a single event everything; of several what they are found by, those that are recorded first. */
function aboutEvents({ items }: AttemptStart): Attributes {
  const [only] = items
  const told = [...items]
    .sort((a, b) => Number(isSampled(b.row.traceparent)) - Number(isSampled(a.row.traceparent)))
    .slice(0, idsListed)
  const ids = told.map(eventId)
  const commits = [...new Set(told.flatMap(({ context: { commit } }) => commit ?? []))]
  return {
    [names.eventId]: ids,
    ...(commits.length > 0 && { [names.commit]: commits }),
    [names.watches]: [...new Set(told.flatMap(({ member }) => member.watches))].sort(),
    ...(only !== undefined && items.length === 1
      ? { [names.messageId]: eventId(only), ...objectAttributes(only.row) }
      : { [names.object]: [...new Set(told.map(({ row }) => objectText(row.object)))] }),
  }
}

interface Requesting {
  readonly context: TraceContext
  readonly url: URL
  readonly resend: number
  readonly propagates: boolean
  readonly done: (span: SpanData) => void
}

function request({ context, url, resend, propagates, done }: Requesting): RequestTrace {
  const watch = stopwatch()
  const own = { ...context, spanId: newSpanId() }
  const defaultPort = url.protocol === 'https:' ? 443 : 80
  return {
    ...(propagates && { traceparent: formatTraceparent(own) }),
    end({ status, failure, error }) {
      const failed = failure ?? (status !== undefined && status >= 400 ? String(status) : undefined)
      done({
        context: own,
        parent: context,
        name: 'POST',
        kind: 'client',
        ...{ start: watch.start, end: watch.end() },
        attributes: {
          [names.requestMethod]: 'POST',
          [names.urlFull]: shownUrl(url.href),
          [names.serverAddress]: url.hostname.replace(/^\[|\]$/g, ''),
          [names.serverPort]: Number(url.port) || defaultPort,
          ...(resend > 0 && { [names.resendCount]: resend }),
          ...(status !== undefined && { [names.statusCode]: status }),
          ...(failed !== undefined && { [names.errorType]: failed }),
        },
        ...(failed !== undefined && { error: error ?? `answered ${status}` }),
      })
    },
  }
}
