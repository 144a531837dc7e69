/**
 * The gate of one endpoint: whether it may be sent to now, and with which sender. It is shut while an operator, Git or the hub holds the
 * endpoint and while something that a request needs is missing; it opens by itself when that is over. The sender is made anew when the
 * endpoint's settings or its secrets changed, so a change counts from the next attempt on and attempts under way are left alone.
 */
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import type { EndpointConfig } from '../config/model.ts'
import type { Pause } from '../store/store.ts'
import type { Egress } from './egress.ts'
import type { DeliveryMeter } from './meter.ts'
import { openPost, type Post } from './post.ts'
import type { EgressProxy } from './proxy.ts'
import type { Secrets } from './secrets.ts'
import type { Send } from './send.ts'
import { resolveTarget, type TargetSettings, usesSecrets } from './target.ts'

export interface GateDeps {
  readonly secrets: Secrets
  readonly egress: Egress
  readonly proxy?: EgressProxy | undefined
  /** @default none */
  readonly meter?: Pick<DeliveryMeter, 'request'>
  readonly now: () => number
  /** It may have been shut or opened: look again. */
  readonly onChange: () => void
  /** A hold ended by itself. */
  readonly onExpired?: () => void
}

/** Why nothing may be sent. */
export interface Shut {
  readonly phase: 'paused' | 'blocked'
  /** For people. */
  readonly reason: string
  /** Look again then, whatever happens, ms since 1970. Absent = it tells. */
  readonly until?: number
}

export interface Gate extends AsyncDisposable {
  /** While nothing is known that is in the way. */
  readonly sender: Send | undefined
  /** What holds the endpoint besides Git. */
  readonly pause: Pause | undefined
  /** Looks whether the endpoint may be sent to. Nothing = it may, with `sender`. */
  look(): Promise<Shut | undefined>
  configure(endpoint: EndpointConfig): void
  hold(pause: Pause | undefined): void
}

/** A blocked endpoint looks at its secrets again this often, whatever the folder's watcher says. */
const lookAgainMs = 30_000

export function createGate(first: EndpointConfig, deps: GateDeps, settings: TargetSettings): Gate {
  const { secrets, egress, proxy, meter, now, onChange, onExpired = () => {} } = deps
  let endpoint = first
  let pause: Pause | undefined
  let lease: Lease | undefined
  let made = ''
  let fresh = false
  const ending = new Set<Promise<void>>()

  const stale = () => {
    fresh = false
    onChange()
  }
  const listening = secrets.onChange(() => {
    if (usesSecrets(endpoint)) stale()
  })

  function held(): Shut | undefined {
    if (pause?.until !== undefined && pause.until <= now()) {
      pause = undefined
      onExpired()
    }
    if (pause === undefined) return endpoint.paused ? { phase: 'paused', reason: 'paused in Git' } : undefined
    return { phase: 'paused', reason: reasonOf(pause), ...(pause.until !== undefined && { until: pause.until }) }
  }

  function retire(): void {
    if (lease === undefined) return
    const end = lease.retire()
    lease = undefined
    ending.add(end)
    void end.then(() => ending.delete(end))
  }

  /** Why there is no sender; nothing = there is one. */
  async function prepare(): Promise<string | undefined> {
    if (fresh && lease !== undefined) return undefined
    fresh = true
    const { timeoutMs, outcomes } = endpoint
    const resolved = await resolveTarget(endpoint, secrets, settings)
    if (!fresh) return prepare() // it changed meanwhile
    if (resolved.kind === 'blocked') {
      retire()
      return resolved.reason
    }
    const identity = contentHash([resolved.identity, timeoutMs, outcomes])
    if (lease !== undefined && identity === made) return undefined
    retire()
    made = identity
    lease = leased(openPost(resolved.target, { timeoutMs, outcomes, egress, proxy, meter, now }))
    return undefined
  }

  return {
    get sender() {
      return fresh && held() === undefined ? lease?.send : undefined
    },
    get pause() {
      return pause
    },
    async look() {
      const shut = held()
      if (shut !== undefined) return shut
      const reason = await prepare()
      if (reason === undefined) return held()
      fresh = false
      return { phase: 'blocked', reason, until: now() + lookAgainMs }
    },
    configure(next) {
      endpoint = next
      stale()
    },
    hold(next) {
      pause = next
      onChange()
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      retire()
      await Promise.all(ending)
    },
  }
}

function reasonOf({ cause = 'operator', by, reason }: Pause): string {
  if (cause !== 'operator') return reason ?? `held by ${by}`
  return reason === undefined ? `paused by ${by}` : `paused by ${by}: ${reason}`
}

interface Lease {
  readonly send: Send
  /** Closes the connections when the requests under way are over. */
  retire(): Promise<void>
}

function leased(post: Post): Lease {
  let under = 0
  const retired = Promise.withResolvers<void>()
  let over = false
  const close = () => {
    if (over && under === 0) retired.resolve(post[Symbol.asyncDispose]())
  }
  return {
    async send(batch, signal) {
      under++
      try {
        return await post.send(batch, signal)
      } finally {
        under--
        close()
      }
    },
    retire() {
      over = true
      close()
      return retired.promise
    },
  }
}
