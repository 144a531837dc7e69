/**
 * What agents say of themselves, in their heartbeats. Each figure that is known here is a metric; others, of an agent that is newer, are not
 * shown. While an agent is away its series end: what it said last is true no longer. An agent that does not tell a figure has no series of it.
 */
import type { Figures, Point, State } from '../figures.ts'

/** `scale`: what a figure is divided by. @default 1 */
const figure = (
  of: string,
  about: Omit<State, 'labels' | 'kind' | 'points'> & { readonly kind: 'gauge' | 'counter' },
  scale = 1,
): State => ({
  ...about,
  labels: ['cluster'],
  points: ({ clusters }: Figures): readonly Point[] =>
    clusters.flatMap(({ name, connected, figures }): readonly Point[] => {
      const value = connected ? figures[of] : undefined
      return value === undefined ? [] : [[value / scale, { cluster: name }]]
    }),
})

export const agentStates: readonly State[] = [
  {
    ...{ name: 'watch_hub_agent_heartbeat_age_seconds', kind: 'gauge', unit: 's', labels: ['cluster'] },
    says: 'Since the last word of a connected agent about itself; it gives one every 10 s at least',
    alert: 'watch_hub_agent_heartbeat_age_seconds > 60',
    points: ({ clusters, now }) =>
      clusters.flatMap(({ name, connected, heardAt }): readonly Point[] =>
        connected && heardAt !== undefined ? [[Math.max(0, now - heardAt) / 1_000, { cluster: name }]] : [],
      ),
  },
  figure('objects', {
    ...{ name: 'watch_hub_agent_objects', kind: 'gauge', unit: '{object}' },
    says: 'Objects in the indexes of an agent',
  }),
  figure('outboxEntries', {
    ...{ name: 'watch_hub_agent_outbox_entries', kind: 'gauge', unit: '{entry}' },
    says: 'Entries that an agent holds until the hub has acknowledged them; 10,000 at most',
    alert: 'min_over_time(watch_hub_agent_outbox_entries[10m]) > 5000',
  }),
  figure('outboxBytes', {
    ...{ name: 'watch_hub_agent_outbox_bytes', kind: 'gauge', unit: 'By' },
    says: 'Bytes of these entries; 3 MiB at most',
  }),
  figure('outboxWaiting', {
    ...{ name: 'watch_hub_agent_outbox_waiting', kind: 'gauge', unit: '{entry}' },
    says: 'Entries that found no room in the outbox: their watches are not read on',
    alert: 'min_over_time(watch_hub_agent_outbox_waiting[10m]) > 0',
  }),
  figure('outboxResets', {
    ...{ name: 'watch_hub_agent_outbox_resets', kind: 'counter', unit: '{reset}' },
    says: 'Times that an agent dropped its outbox and started over, because the hub had lost data',
  }),
  figure('framesInFlight', {
    ...{ name: 'watch_hub_agent_frames_in_flight', kind: 'gauge', unit: '{frame}' },
    says: 'Frames that an agent has sealed and the hub has not acknowledged',
  }),
  figure('lists', {
    ...{ name: 'watch_hub_agent_lists', kind: 'counter', unit: '{list}' },
    says: 'Lists that an agent asked its API server for',
  }),
  figure('watches', {
    ...{ name: 'watch_hub_agent_watches', kind: 'counter', unit: '{watch}' },
    says: 'Watches that an agent opened',
  }),
  figure('reloads', {
    ...{ name: 'watch_hub_agent_reloads', kind: 'counter', unit: '{reload}' },
    says: 'Indexes that an agent loaded anew, because they were not what the hub holds',
  }),
  figure('matchErrors', {
    ...{ name: 'watch_hub_agent_match_errors', kind: 'counter', unit: '{error}' },
    says: 'Objects that a `when` failed on; they stayed as they were for that watch',
    alert: 'increase(watch_hub_agent_match_errors_total[1h]) > 0',
  }),
  figure('reconnects', {
    ...{ name: 'watch_hub_agent_reconnects', kind: 'counter', unit: '{connection}' },
    says: 'Connections to the hub that an agent made after its first one',
    alert: 'increase(watch_hub_agent_reconnects_total[1h]) > 10',
  }),
  figure('memoryBytes', {
    ...{ name: 'watch_hub_agent_memory_bytes', kind: 'gauge', unit: 'By' },
    says: 'Resident memory of an agent',
  }),
  figure(
    'cpuMs',
    { ...{ name: 'watch_hub_agent_cpu_seconds', kind: 'counter', unit: 's' }, says: 'CPU time of an agent' },
    1_000,
  ),
  figure(
    'uptimeMs',
    { ...{ name: 'watch_hub_agent_uptime_seconds', kind: 'gauge', unit: 's' }, says: 'How long an agent runs' },
    1_000,
  ),
]
