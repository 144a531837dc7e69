/** States of endpoints, one series each; those of an endpoint that is gone end. */
import type { EndpointHealth } from '../../../delivery/detail.ts'
import type { Figures, Labels, Point, State } from '../figures.ts'

type Endpoint = Figures['endpoints'][number]

const each =
  (value: (endpoint: Endpoint) => number) =>
  ({ endpoints }: Figures): readonly Point[] =>
    endpoints.map((endpoint) => [value(endpoint), { endpoint: endpoint.name }])

const labels = ['endpoint'] as const
const breakerStates = ['closed', 'open', 'half-open'] as const satisfies readonly EndpointHealth['breaker']['state'][]

export const endpointStates: readonly State[] = [
  {
    ...{ name: 'watch_hub_backlog_events', kind: 'gauge', unit: '{event}', labels },
    says: 'Events that wait for an endpoint',
    points: each(({ backlog }) => backlog),
  },
  {
    ...{ name: 'watch_hub_oldest_undelivered_seconds', kind: 'gauge', unit: 's', labels },
    says: 'How long the oldest waiting event has waited; 0 when none waits',
    alert: 'watch_hub_oldest_undelivered_seconds > 900',
    points: each(({ oldestMs = 0 }) => oldestMs / 1_000),
  },
  {
    ...{ name: 'watch_hub_frozen_batches', kind: 'gauge', unit: '{batch}', labels },
    says: 'Frozen batches that wait for their attempt',
    points: each(({ frozen }) => frozen),
  },
  {
    ...{ name: 'watch_hub_requests_in_flight', kind: 'gauge', unit: '{request}', labels },
    says: 'Requests to an endpoint that are under way',
    points: each(({ inFlight }) => inFlight),
  },
  {
    ...{ name: 'watch_hub_breaker', kind: 'gauge', unit: '{endpoint}', labels: ['endpoint', 'state'] },
    says: '1 for the state that the breaker of an endpoint is in, 0 for the others: `closed`, `open` (nothing is sent), `half-open`',
    alert: 'max_over_time(watch_hub_breaker{state="closed"}[15m]) == 0',
    points: ({ endpoints }) =>
      endpoints.flatMap(({ name, breaker }) =>
        breakerStates.map((state): Point => [breaker.state === state ? 1 : 0, { endpoint: name, state }]),
      ),
  },
  {
    ...{ name: 'watch_hub_held', kind: 'gauge', unit: '{endpoint}', labels: ['endpoint', 'cause'] },
    says: '1 while an endpoint is held back: in `git`, by an `operator`, since it answered that it is `gone`, by its `guard`',
    alert: 'watch_hub_held{cause=~"gone|guard"} == 1',
    points: ({ endpoints }) =>
      endpoints.flatMap(({ name, holds }) => holds.map(({ cause }): readonly [number, Labels] => [1, { endpoint: name, cause }])),
  },
  {
    ...{ name: 'watch_hub_parked_objects', kind: 'gauge', unit: '{object}', labels },
    says: 'Objects that an endpoint keeps failing on while it accepts others',
    alert: 'watch_hub_parked_objects > 0',
    points: each(({ parked }) => parked.objects),
  },
  {
    ...{ name: 'watch_hub_parked_bytes', kind: 'gauge', unit: 'By', labels },
    says: 'Bytes of the events of parked objects',
    points: each(({ parked }) => parked.bytes),
  },
  {
    ...{ name: 'watch_hub_dead_letters', kind: 'gauge', unit: '{event}', labels },
    says: 'Events that were given up for an endpoint and are kept',
    alert: 'delta(watch_hub_dead_letters[1h]) > 0',
    points: each(({ deadLetters }) => deadLetters.count),
  },
  {
    ...{ name: 'watch_hub_dead_letter_bytes', kind: 'gauge', unit: 'By', labels },
    says: 'Bytes of the dead letters of an endpoint',
    alert: 'watch_hub_dead_letter_bytes > on (instance) group_left () 0.9 * watch_hub_dead_letter_limit_bytes',
    points: each(({ deadLetters }) => deadLetters.bytes),
  },
  {
    ...{ name: 'watch_hub_skipped_versions', kind: 'gauge', unit: '{version}', labels },
    says: 'Versions that an endpoint was not told, because newer ones were or nothing had to be; rises, over restarts too',
    points: each(({ skipped }) => skipped),
  },
]
