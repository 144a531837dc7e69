/** The table of what is told as it happens, counters and times; meters.ts tells it. What is a state is read when asked for, see states.ts. */
import type { MetricAbout } from './about.ts'

/** `bounds` of its buckets, without infinity. */
export type HistogramAbout = MetricAbout & { readonly bounds: readonly number[] }

/** Those of the HTTP conventions, which say them. */
const requestBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const attemptBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
/** From what is not noticed to a weekend. Of the API server's times only whole seconds are known. */
const latencyBounds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 43_200, 259_200]
const lagBounds = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800]
const frameBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export const counters = {
  entries: {
    ...{ name: 'watch_hub_entries', kind: 'counter', unit: '{entry}', labels: ['cluster', 'resource'] },
    says: 'Entries of agents that became durable',
  },
  deliveries: {
    ...{ name: 'watch_hub_deliveries', kind: 'counter', unit: '{event}', labels: ['endpoint', 'outcome'] },
    says: 'Events sent, by what the endpoint made of their request: `accepted`, `blocked`, or the name of a failure',
  },
  attempts: {
    ...{ name: 'watch_hub_attempts', kind: 'counter', unit: '{request}', labels: ['endpoint', 'outcome'] },
    says: 'Requests sent to endpoints',
  },
  resends: {
    ...{ name: 'watch_hub_resends', kind: 'counter', unit: '{request}', labels: ['endpoint'] },
    says: 'Requests repeated at once because their kept connection had died',
  },
  limited: {
    ...{ name: 'watch_hub_rate_limited', kind: 'counter', unit: '{request}', labels: ['endpoint'] },
    says: 'Requests that waited for the pace that their endpoint allows',
  },
  limitedTime: {
    ...{ name: 'watch_hub_rate_limited_seconds', kind: 'counter', unit: 's', labels: ['endpoint'] },
    says: 'How long requests waited for the pace that their endpoint allows',
  },
  exports: {
    ...{ name: 'watch_hub_metric_exports', kind: 'counter', unit: '{export}', labels: ['outcome'] },
    says: 'Times that metrics were sent by OTLP: `accepted`, `failed`',
    alert: 'increase(watch_hub_metric_exports_total{outcome="failed"}[15m]) > 5',
  },
} as const satisfies Readonly<Record<string, MetricAbout>>

export const histograms = {
  attempt: {
    ...{ name: 'watch_hub_attempt_duration_seconds', kind: 'histogram', unit: 's', labels: ['endpoint', 'outcome'] },
    says: 'Time of one attempt to hand a batch to an endpoint: token, repetition and answer included',
    bounds: attemptBounds,
  },
  request: {
    ...{ name: 'http.client.request.duration', kind: 'histogram', unit: 's' },
    labels: ['http.request.method', 'server.address', 'server.port', 'http.response.status_code', 'error.type'],
    says: 'Time of one HTTP request to an endpoint or its token server',
    bounds: requestBounds,
  },
  latency: {
    ...{ name: 'watch_hub_delivery_latency_seconds', kind: 'histogram', unit: 's', labels: ['endpoint', 'since'] },
    says: 'From a live change to its 2xx: `since="observed"` by its agent, `since="api-server"` from when the API server made it (whole seconds; not of deletions, nor of what a comparison found)',
    alert:
      'histogram_quantile(0.99, sum by (endpoint, le) (rate(watch_hub_delivery_latency_seconds_bucket{since="observed"}[10m]))) > 60',
    bounds: latencyBounds,
  },
  lag: {
    ...{ name: 'watch_hub_watch_lag_seconds', kind: 'histogram', unit: 's', labels: ['cluster', 'resource'] },
    says: 'From a change at the API server, in whole seconds, until its agent saw it; deletions are not in it',
    alert: 'histogram_quantile(0.9, sum by (cluster, le) (rate(watch_hub_watch_lag_seconds_bucket[10m]))) > 30',
    bounds: lagBounds,
  },
  frame: {
    ...{ name: 'watch_hub_frame_seconds', kind: 'histogram', unit: 's', labels: ['cluster'] },
    says: 'From a frame of an agent that has arrived until it is durable',
    bounds: frameBounds,
  },
} as const satisfies Readonly<Record<string, HistogramAbout>>

export const instrumentTable: readonly MetricAbout[] = [...Object.values(counters), ...Object.values(histograms)]
