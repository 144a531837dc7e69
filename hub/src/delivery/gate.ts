/**
 * The gate of one endpoint: whether it may be sent to now, and with which sender. It is shut while an operator or Git holds the endpoint and
 * while something that a request needs is missing; it opens by itself when that is over. The sender is made anew when the endpoint's
 * settings or its secrets changed, so a change counts from the next attempt on and an attempt under way is left alone.
 */
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import { bell } from '@watch-hub/shared/runtime/bell'
import type { Sleep } from '@watch-hub/shared/runtime/sleep'
import type { EndpointConfig } from '../config/model.ts'
import type { Egress } from './egress.ts'
import { openPost, type Post } from './post.ts'
import type { EgressProxy } from './proxy.ts'
import { rungWithin } from './rung-within.ts'
import type { Secrets } from './secrets.ts'
import type { Send } from './send.ts'
import { resolveTarget, type TargetSettings, usesSecrets } from './target.ts'

/** An operator's hold. */
export interface Pause {
  readonly since: number
  readonly by: string
}

export interface GateDeps {
  readonly secrets: Secrets
  readonly egress: Egress
  readonly proxy?: EgressProxy | undefined
  readonly now: () => number
  readonly sleep: Sleep
  /** Told why the gate is shut. */
  readonly onShut: (phase: 'paused' | 'blocked', reason: string) => void
  /** It may have been shut or opened: a caller that waits for something else should `enter` again. */
  readonly onChange: () => void
}

export interface Gate extends AsyncDisposable {
  /** Nothing is known that would make `enter` wait. */
  readonly open: boolean
  /** Waits until the endpoint may be sent to. */
  enter(signal: AbortSignal): Promise<Send>
  /** Waits `ms`; answers false when something changed since `enter`, at once or meanwhile. */
  wait(ms: number, signal: AbortSignal): Promise<boolean>
  configure(endpoint: EndpointConfig): void
  hold(pause: Pause | undefined): void
}

/** A blocked endpoint looks at its secrets again this often, whatever the folder's watcher says. */
const lookAgainMs = 30_000

export function createGate(first: EndpointConfig, deps: GateDeps, settings: TargetSettings): Gate {
  const { secrets, egress, proxy, now, sleep, onShut, onChange } = deps
  const changed = bell()
  let endpoint = first
  let pause: Pause | undefined
  let post: Post | undefined
  let made = ''
  let fresh = false
  /** Counts what changed, now and when the gate was last passed. */
  let changes = 0
  let changesPassed = 0

  const change = () => {
    changes++
    changed.ring()
    onChange()
  }
  const stale = () => {
    fresh = false
    change()
  }
  const held = () => (pause === undefined ? (endpoint.paused ? 'paused in Git' : undefined) : `paused by ${pause.by}`)
  const listening = secrets.onChange(() => {
    if (usesSecrets(endpoint)) stale()
  })

  async function close(): Promise<void> {
    await post?.[Symbol.asyncDispose]()
    post = undefined
  }

  /** The sender, or why there is none. */
  async function prepare(): Promise<Post | string> {
    if (fresh && post !== undefined) return post
    fresh = true
    const resolved = await resolveTarget(endpoint, secrets, settings)
    if (resolved.kind === 'blocked') {
      await close()
      return resolved.reason
    }
    const { target } = resolved
    const { timeoutMs, outcomes } = endpoint
    const identity = contentHash([resolved.identity, timeoutMs, outcomes])
    if (post !== undefined && identity === made) return post
    await close()
    made = identity
    post = openPost(target, { timeoutMs, outcomes, egress, proxy, now })
    return post
  }

  return {
    get open() {
      return fresh && post !== undefined && held() === undefined
    },
    async enter(signal) {
      for (;;) {
        signal.throwIfAborted()
        const reason = held()
        if (reason !== undefined) {
          onShut('paused', reason)
          await changed.wait(signal)
          continue
        }
        changesPassed = changes
        const sender = await prepare()
        if (typeof sender !== 'string') return sender.send
        onShut('blocked', sender)
        await rungWithin(changed, lookAgainMs, { sleep, signal })
        fresh = false
      }
    },
    async wait(ms, signal) {
      while (changes === changesPassed)
        // the bell may still ring for what was there at the last passage
        if (!(await rungWithin(changed, ms, { sleep, signal }))) return true
      return false
    },
    configure(next) {
      endpoint = next
      stale()
    },
    hold(next) {
      pause = next
      change()
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      await close()
    },
  }
}
