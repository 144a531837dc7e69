/** Why an endpoint is not sent anything just now, in words. */
import type { EndpointConfig } from '../config/model.ts'
import { formatDuration } from '../config/units.ts'
import type { Hold } from '../delivery/detail.ts'
import { holdText } from '../delivery/hold-text.ts'
import type { EndpointStatus } from '../delivery/status.ts'

export interface Wait {
  readonly text: string
  readonly since?: number
  /** It ends, or is tried again, then. */
  readonly next?: number
}

/** Nothing = nothing is in the way. */
export function inTheWay(status: EndpointStatus | undefined): Wait | undefined {
  if (status === undefined) return { text: 'the endpoint is not configured any more, or is just beginning' }
  const { holds, phase, reason, since, breaker, nextAttemptAt } = status
  const [hold] = holds
  if (hold !== undefined) return held(hold)
  const why = reason === undefined ? '' : `: ${reason}`
  if (phase === 'blocked') return { text: `blocked${why}`, since }
  if (breaker.state !== 'closed') {
    const said = breaker.reason === undefined ? why : `: ${breaker.reason}`
    const next = breaker.nextProbeAt
    const text =
      breaker.state === 'open'
        ? `nothing is sent while its breaker is open${said}`
        : `one request tries whether it answers${said}`
    return { text, since: breaker.since, ...(next !== undefined && { next }) }
  }
  if (phase === 'retrying') return { text: `retrying${why}`, since, ...(nextAttemptAt !== undefined && { next: nextAttemptAt }) }
  return undefined
}

const held = (hold: Hold): Wait => ({
  text: holdText(hold),
  since: hold.since,
  ...(hold.until !== undefined && { next: hold.until }),
})

/** What a batch waits for when nothing is in the way, and none of its requests is sent just now. `before`: events of other batches. */
export function turn(config: EndpointConfig | undefined, before: number): string {
  if (config?.rateLimit === undefined || before > 0) return 'its turn comes'
  const { requests, perMs } = config.rateLimit
  return `it waits for rateLimit (${requests} per ${formatDuration(perMs)}), or begins just now`
}
