/** What holds where neither a manifest nor `Settings.defaults` says something. */

export const endpointDefaults = {
  format: 'watch-hub',
  batch: { maxObjects: 100, maxBytes: 1024 * 1024, maxWait: 1_000 },
  timeout: 15_000,
  /** ms */
  retry: { maxAge: 72 * 60 * 60 * 1_000 },
  concurrency: 1,
  history: 'latest',
  delta: false,
  unwatched: 'keep',
  markers: false,
} as const

export const watchDefaults = {
  events: ['created', 'updated', 'deleted'],
  initial: 'send',
  /** ms; 0 = never */
  resync: 0,
} as const
