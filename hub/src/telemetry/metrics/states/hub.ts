/** States of the hub itself: its config and its process. */
import { release } from '@watch-hub/shared/protocol/version'
import type { State } from '../figures.ts'

const labels: readonly string[] = []

export const hubStates: readonly State[] = [
  {
    ...{ name: 'watch_hub_build_info', kind: 'gauge', unit: '{hub}', labels: ['version'] },
    says: 'Release of this hub; always 1',
    points: () => [[1, { version: release }]],
  },
  {
    ...{ name: 'watch_hub_config_rejected', kind: 'gauge', unit: '{commit}', labels },
    says: '1 when the newest commit was refused, else 0',
    alert: 'watch_hub_config_rejected == 1',
    points: ({ config }) => [[config.rejected === undefined ? 0 : 1]],
  },
  {
    ...{ name: 'watch_hub_config_failing', kind: 'gauge', unit: '{source}', labels },
    says: '1 while the config repo cannot be read, else 0',
    alert: 'watch_hub_config_failing == 1',
    points: ({ config }) => [[config.failing === undefined ? 0 : 1]],
  },
  {
    ...{ name: 'watch_hub_config_read_timestamp_seconds', kind: 'gauge', unit: 's', labels },
    says: 'When the config repo was last read with success, since 1970; absent before the first time',
    points: ({ config: { lastFetchAt } }) => (lastFetchAt === undefined ? [] : [[lastFetchAt / 1_000]]),
  },
  {
    ...{ name: 'watch_hub_spans', kind: 'counter', unit: '{span}', labels: ['outcome'] },
    says: 'Spans of traces by what became of them: `exported`, `failed` (the collector did not take them), `dropped` (the queue was full)',
    alert: 'increase(watch_hub_spans_total{outcome!="exported"}[15m]) > 0',
    points: ({ spans: { exported, failed, dropped } }) => [
      [exported, { outcome: 'exported' }],
      [failed, { outcome: 'failed' }],
      [dropped, { outcome: 'dropped' }],
    ],
  },
  {
    ...{ name: 'watch_hub_spans_queued', kind: 'gauge', unit: '{span}', labels },
    says: 'Spans that wait for the collector',
    points: ({ spans: { queued } }) => [[queued]],
  },
  {
    ...{ name: 'process.memory.usage', kind: 'gauge', unit: 'By', labels },
    says: 'Resident memory of the hub',
    points: ({ process: { memoryBytes } }) => (memoryBytes === undefined ? [] : [[memoryBytes]]),
  },
  {
    ...{ name: 'nodejs.eventloop.delay.p99', kind: 'gauge', unit: 's', labels },
    says: "How late the hub's event loop is, the 99th percentile of about the last minute",
    alert: 'nodejs_eventloop_delay_p99_seconds > 0.5',
    points: ({ process: { eventLoopDelayMs } }) => [[eventLoopDelayMs / 1_000]],
  },
]
