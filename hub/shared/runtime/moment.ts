/**
 * Moments: the places in the code at which a crash would be interesting, each with a name that can be listened to from outside.
 *
 * `moment('frame-stored')` publishes on the diagnostics channel `watch-hub:frame-stored` of the thread that it is called in. It carries no
 * data, returns when all listeners have, and costs a property look-up while there are none. Nothing in Watch Hub listens: tests and
 * debuggers do, by loading a module of their own with `node --import`.
 */
import { channel } from 'node:diagnostics_channel'

/** All there are, with what is true at that time. */
export const moments = {
  // hub
  'frame-received': 'a frame was read and checked; the store has not heard of it',
  'frame-stored': 'a frame is on disk; its agent has not been told',
  acked: "a frame's agent has been told",
  'process-opened': 'an agent process has its number on disk; it has not been welcomed',
  'index-chunk-sent': 'a part of an index is on its way to the agent that asked for it',
  'snapshot-activated': 'a commit is in the store; couriers and agents do not follow it yet',
  'batch-frozen': 'the batches of a window of the log are on disk; none was attempted',
  'batch-answered': 'an endpoint accepted a batch; that is written nowhere',
  'batch-settled': 'accepted batches are forgotten on disk',
  'batch-halved': 'the halves of a batch that was refused are on disk in its place; neither was attempted',
  'object-parked':
    'an event that its endpoint refuses is parked on disk: what follows of its object waits, and nothing else does',
  'object-unparked': 'a parked event was accepted and is forgotten on disk; what waited behind it was not attempted',
  'dead-letter-written': 'an event was given up: it is a dead letter on disk, and what follows of its object goes on',
  'dead-letter-replayed': 'dead letters are on disk as batches that tell them again; none was attempted',
  'scan-chunk-read': "a chunk of a scan was read; the scan's position on disk is before it",
  'scan-chunk-frozen': 'a chunk of a scan is on disk as batches, and its position is behind it; none was attempted',
  'before-commit': 'a group of changes is complete in a transaction that is not committed',
  'after-commit': 'that transaction is on disk; nobody who waits for it has been told',
  // agent
  'plan-received': 'a plan arrived and is being followed',
  'index-loaded': 'what the hub holds of all streams of a kind is in memory',
  'list-part': 'a part of a list was compared; there is more to come',
  'list-complete': 'a list was compared and is believed; the deletions it shows are not told yet',
  'synced-offered': 'all that a list showed of a stream is in the outbox',
  'watch-opened': 'the server accepted a watch',
  'event-taken': 'an event of a watch was compared, and what it says is in the outbox',
  'frame-sealed': 'entries have become a frame with a number; it was not sent',
  'frame-sent': 'a frame is on its way to the hub',
  'ack-received': 'the hub acknowledged a frame, and the outbox has forgotten it',
  'started-over': 'the hub had less than it acknowledged: all that was held and known of it is forgotten',
} as const

export type Moment = keyof typeof moments

/** The diagnostics channel of a moment. */
export const channelOf = (name: string): string => `watch-hub:${name}`

const channels = new Map(Object.keys(moments).map((name) => [name, channel(channelOf(name))]))

/** Says that this moment has come. */
export function moment(name: Moment): void {
  const listeners = channels.get(name)
  if (listeners?.hasSubscribers) listeners.publish(undefined)
}
