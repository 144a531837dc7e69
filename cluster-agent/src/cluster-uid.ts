/**
 * The cluster's uid, asked for until there is an answer: the API server may be away, starting or overloaded in the moment in which this agent starts.
 * What people have to fix is thrown at once.
 */
import { backoff } from '@watch-hub/shared/runtime/backoff'
import type { Log } from '@watch-hub/shared/runtime/log'
import { deadline, type Sleep } from '@watch-hub/shared/runtime/sleep'
import { ApiServerNotReady, ClusterUidRefused, type Kube } from './watch/kube.ts'

export interface ClusterUidDeps {
  readonly log: Log
  readonly sleep: Sleep
  /** Longest time for one answer. @default 30 000 */
  readonly answerMs?: number
}

/** Rejects with `ClusterUidRefused`, or with the reason of `signal`. */
export async function clusterUidOf(kube: Pick<Kube, 'clusterUid'>, deps: ClusterUidDeps, signal: AbortSignal): Promise<string> {
  const { log, sleep, answerMs = 30_000 } = deps
  const delays = backoff({ minMs: 500, maxMs: 30_000 })
  for (;;) {
    using limit = deadline(answerMs, { parent: signal, what: 'asking the API server for the uid of kube-system' })
    try {
      return await kube.clusterUid(limit.signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ClusterUidRefused) throw error
      const ms = Math.max(delays.next(), error instanceof ApiServerNotReady ? error.retryAfterMs : 0)
      log.warn('the API server is not ready for this agent: asking again', { error, retryInMs: Math.round(ms) })
      await sleep(ms, signal)
    }
  }
}
