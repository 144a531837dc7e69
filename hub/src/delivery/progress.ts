/** How one endpoint is doing, kept for status. What it says is meant to be shown: reasons hold no secret. */
import type { EndpointPhase, EndpointStatus } from './status.ts'

export type ProgressReport = Pick<
  EndpointStatus,
  'phase' | 'reason' | 'since' | 'delivered' | 'failures' | 'nextAttemptAt' | 'lastDeliveredAt'
>

export interface Progress {
  idle(): void
  /** A batch is on its way; nothing holds it. */
  delivering(): void
  /** Held or blocked before any attempt. */
  shut(phase: 'paused' | 'blocked', reason: string): void
  /** An attempt came to nothing; the next one comes after `waitMs`. */
  setback(phase: 'retrying' | 'blocked', reason: string, waitMs: number): void
  /** Nothing new is read, and nothing is tried. */
  stuck(reason: string): void
  /** The courier itself failed and begins anew after `waitMs`. */
  fault(reason: string, waitMs: number): void
  accepted(events: number): void
  report(): ProgressReport
}

interface Shown {
  readonly phase: EndpointPhase
  readonly reason?: string
  readonly nextAttemptAt?: number
}

export function progress(now: () => number): Progress {
  let shown: Shown = { phase: 'idle' }
  /** The last failure, until something is accepted. */
  let trouble: Shown | undefined
  let since = now()
  let delivered = 0
  let failures = 0
  let lastDeliveredAt: number | undefined
  const show = (next: Shown) => {
    if (next.phase !== shown.phase) since = now()
    shown = next
  }
  const failed = (next: Shown) => {
    failures++
    trouble = next
    show(next)
  }
  return {
    idle: () => show({ phase: 'idle' }),
    delivering: () => show(trouble ?? { phase: 'delivering' }),
    shut: (phase, reason) => show({ phase, reason }),
    setback: (phase, reason, waitMs) => failed({ phase, reason, nextAttemptAt: now() + waitMs }),
    stuck: (reason) => show({ phase: 'retrying', reason }),
    fault: (reason, waitMs) => failed({ phase: 'retrying', reason, nextAttemptAt: now() + waitMs }),
    accepted(events) {
      delivered += events
      failures = 0
      trouble = undefined
      lastDeliveredAt = now()
      show({ phase: 'delivering' })
    },
    report: () => ({ ...shown, since, delivered, failures, ...(lastDeliveredAt !== undefined && { lastDeliveredAt }) }),
  }
}
