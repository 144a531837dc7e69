/** States of the store and its disk. */
import type { Figures, Point, State } from '../figures.ts'

const labels: readonly string[] = []
const one =
  (value: (store: Figures['store']) => number | undefined) =>
  ({ store }: Figures): readonly Point[] => {
    const found = value(store)
    return found === undefined ? [] : [[found]]
  }

export const storeStates: readonly State[] = [
  {
    ...{ name: 'watch_hub_store_commit_seconds', kind: 'gauge', unit: 's', labels: ['quantile'] },
    says: 'Time of the last thousand commits to disk',
    points: ({ store: { commitMs } }) => [
      [commitMs.p50 / 1_000, { quantile: '0.5' }],
      [commitMs.p99 / 1_000, { quantile: '0.99' }],
    ],
  },
  {
    ...{ name: 'watch_hub_store_commit_duration_seconds', kind: 'histogram', unit: 's', labels },
    says: 'Time of each commit, from its first operation until it was on disk',
    alert: 'histogram_quantile(0.99, rate(watch_hub_store_commit_duration_seconds_bucket[10m])) > 1',
    distribution: ({ store: { commits } }) => ({
      bounds: commits.boundsMs.map((ms) => ms / 1_000),
      counts: commits.counts,
      sum: commits.sumMs / 1_000,
    }),
  },
  {
    ...{ name: 'watch_hub_store_calls_waiting', kind: 'gauge', unit: '{call}', labels },
    says: "Calls that wait for the store's thread, the one under way among them",
    points: one(({ callsWaiting }) => callsWaiting),
  },
  {
    ...{ name: 'watch_hub_log_reads', kind: 'counter', unit: '{event}', labels: ['from'] },
    says: 'Events that couriers read from the log: from `memory`, or from `disk` when they lag',
    points: ({ store: { reads } }) => [
      [reads.memory, { from: 'memory' }],
      [reads.disk, { from: 'disk' }],
    ],
  },
  {
    ...{ name: 'watch_hub_log_rows', kind: 'gauge', unit: '{row}', labels },
    says: 'Rows of the log',
    points: one(({ logRows }) => logRows),
  },
  {
    ...{ name: 'watch_hub_log_bytes', kind: 'gauge', unit: 'By', labels },
    says: 'Bytes of the log',
    alert: 'watch_hub_log_bytes > watch_hub_log_limit_bytes',
    points: one(({ logBytes }) => logBytes),
  },
  {
    ...{ name: 'watch_hub_log_limit_bytes', kind: 'gauge', unit: 'By', labels },
    says: 'Bytes of the log above which it is compacted: `--log-limit`',
    points: one(({ logLimit }) => logLimit),
  },
  {
    ...{ name: 'watch_hub_disk_free_bytes', kind: 'gauge', unit: 'By', labels },
    says: "Free on the store's disk, with what is free within its file",
    alert: 'predict_linear(watch_hub_disk_free_bytes[6h], 86400) < 0',
    points: one(({ freeBytes }) => freeBytes),
  },
  {
    ...{ name: 'watch_hub_store_accepting', kind: 'gauge', unit: '{store}', labels },
    says: '0 while agents wait because too little disk is free, else 1',
    alert: 'watch_hub_store_accepting == 0',
    points: one(({ state }) => (state.kind === 'stopped' ? 0 : 1)),
  },
  {
    ...{ name: 'watch_hub_dead_letter_limit_bytes', kind: 'gauge', unit: 'By', labels },
    says: 'Bytes of the dead letters of one endpoint above which no more are made, and its parked objects are tried on instead: `--dead-letter-limit`',
    points: one(({ deadLetterLimit }) => deadLetterLimit),
  },
]
