/**
 * What follows from the way in which a request ended: a table in code, without state. The reflector acts on it.
 *
 *   watch closed, stalled             watch on from the last version seen
 *   watch accepted, ended at once     back off, watch on; the third time in a row: list
 *   410, ERROR event, no event        back off, list: our version is worth nothing, or nobody knows what we missed
 *   version too new for the server    back off, list: its data came from a backup
 *   no answer, cut off, 429, 5xx      back off (at least for as long as the server asks), go on where we were
 *   404                               ask again what the server serves
 *   401, 403                          wait long, go on where we were: people can fix these
 *   any other status                  wait long, list
 */

import { resourceName } from '@watch-hub/shared/protocol/plan'
import { describeError } from '@watch-hub/shared/runtime/log'
import type { Refusal } from './answer.ts'
import type { ListEnd } from './list.ts'
import type { WatchEnd } from './watch.ts'

export interface Verdict {
  /** on: the same step again, a watch from the last version seen. */
  readonly next: 'on' | 'list' | 'discover'
  readonly wait: 'not' | 'back-off' | 'long'
  /** Shortest wait. */
  readonly atLeastMs?: number
  /** What went wrong, for people. */
  readonly trouble?: string
}

export type Trouble = Exclude<WatchEnd, { kind: 'closed' }> | Exclude<ListEnd, { kind: 'complete' }>

export interface Circumstances {
  readonly group: string
  readonly resource: string
  /** Empty watches in a row, this one included. */
  readonly emptyWatches: number
}

const emptyWatchesBeforeList = 3

export function verdictOn(end: Trouble, { emptyWatches, ...kind }: Circumstances): Verdict {
  switch (end.kind) {
    case 'stalled':
      return { next: 'on', wait: 'not' }
    case 'empty':
      return {
        next: emptyWatches < emptyWatchesBeforeList ? 'on' : 'list',
        wait: 'back-off',
        trouble: 'the API server ends watches at once',
      }
    case 'broken':
      return { next: 'on', wait: 'back-off', trouble: describeError(end.why) }
    case 'nonsense':
      return { next: 'list', wait: 'back-off', trouble: describeError(end.why) }
    case 'error-event':
      return { ...verdictOnRefusal(end.refusal, kind), next: 'list', wait: 'back-off' }
    case 'refused':
      return verdictOnRefusal(end.refusal, kind)
  }
}

export function verdictOnRefusal(refusal: Refusal, kind: Pick<Circumstances, 'group' | 'resource'>): Verdict {
  const { status, message, retryAfterMs } = refusal
  const name = resourceName(kind)
  const atLeast = retryAfterMs === undefined ? {} : { atLeastMs: retryAfterMs }
  if (status === 401) return { next: 'on', wait: 'long', trouble: `unauthorized: ${message}` }
  if (status === 403) return { next: 'on', wait: 'long', trouble: `forbidden: needs list,watch on ${name}` }
  if (status === 404) return { next: 'discover', wait: 'back-off', trouble: `no such resource ${name}` }
  if (status === 410) return { next: 'list', wait: 'back-off' }
  const trouble = `API server answered ${status}: ${message}`
  if (refusal.reason === 'ResourceVersionTooLarge') return { next: 'list', wait: 'back-off', trouble, ...atLeast }
  if (status === 429 || status >= 500) return { next: 'on', wait: 'back-off', trouble, ...atLeast }
  return { next: 'list', wait: 'long', trouble }
}
