/**
 * One watch request: events in order until it ends, and then how it ended. What to do about that is the reflector's business.
 *
 * Bookmarks are asked for, so that a quiet kind keeps a fresh version. The server is asked to end the watch after a while, and a watch on which no
 * line came for longer than two bookmarks take is given up: a connection can be dead without anybody having said so.
 */

import { decodeKubeObject, type KubeObject } from '@watch-hub/shared/pipeline/object'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { parseJson, type Refusal, refusalOf, refusalOfStatus } from './answer.ts'
import { collectionPath, type ResourceKind } from './discovery.ts'
import type { Kube } from './kube.ts'
import { LineTooLong, linesOf } from './lines.ts'

export type WatchEvent =
  /** The server accepted the watch. */
  | { readonly type: 'OPENED' }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject }

export type WatchEnd =
  /** The server ended it, after a while or after events. */
  | { readonly kind: 'closed' }
  /** Accepted, and ended at once without telling of an object: how some servers refuse an old version, or new watches while they stop. */
  | { readonly kind: 'empty' }
  /** Nothing came for too long. */
  | { readonly kind: 'stalled' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** An ERROR event; 410 among them. */
  | { readonly kind: 'error-event'; readonly refusal: Refusal }
  /** No answer, or the connection broke. */
  | { readonly kind: 'broken'; readonly why: unknown }
  /** A line that is no event: nothing after it can be trusted. */
  | { readonly kind: 'nonsense'; readonly why: unknown }

export interface WatchRequest {
  readonly kind: ResourceKind
  /** Events after this version. */
  readonly resourceVersion: string
  /** After this time the server is to end the watch. */
  readonly timeoutSeconds: number
  /** Longest time without a line. */
  readonly stallMs: number
  /** Monotonic, ms. */
  readonly now: () => number
}

/** A watch that ends before this, and told of no object, was refused in all but words. */
export const atOnceMs = 1_000

/** Throws only the reason of `signal`. Whoever takes an event for longer than `stallMs` finds the watch stalled, and resumes after it. */
export async function* watchEvents(
  kube: Pick<Kube, 'request'>,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent, WatchEnd> {
  using stall = deadline(request.stallMs, { parent: signal, what: 'waiting for a line of the watch' })
  const began = request.now()
  let told = 0
  try {
    const response = await kube.request(watchPath(request), { signal: stall.signal })
    if (response.status !== 200) return { kind: 'refused', refusal: await refusalOf(response) }
    yield { type: 'OPENED' }
    for await (const line of linesOf(response.body)) {
      const event = decodeEvent(line)
      if ('kind' in event) return event
      if (event.type !== 'BOOKMARK') told++
      yield event
      stall.reset()
    }
    return { kind: told === 0 && request.now() - began < atOnceMs ? 'empty' : 'closed' }
  } catch (why) {
    signal.throwIfAborted()
    if (why === stall.signal.reason) return { kind: 'stalled' }
    return { kind: why instanceof LineTooLong ? 'nonsense' : 'broken', why }
  }
}

function watchPath({ kind, resourceVersion, timeoutSeconds }: WatchRequest): string {
  const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${timeoutSeconds}&resourceVersion=${encodeURIComponent(resourceVersion)}`
  return `${collectionPath(kind)}?${query}`
}

function decodeEvent(line: string): WatchEvent | Extract<WatchEnd, { kind: 'error-event' | 'nonsense' }> {
  try {
    const event: unknown = parseJson(line)
    const { type, object } = isRecord(event) ? event : {}
    switch (type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED':
        return { type, object: decodeKubeObject(object) }
      case 'BOOKMARK':
        return { type, resourceVersion: versionOf(object) }
      case 'ERROR':
        return { kind: 'error-event', refusal: refusalOfStatus(object) }
      default:
        throw new Error(
          `expected ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, got an event of type ${JSON.stringify(type)?.slice(0, 40)}`,
        )
    }
  } catch (why) {
    return { kind: 'nonsense', why }
  }
}

function versionOf(object: unknown): string {
  const metadata = isRecord(object) ? object.metadata : undefined
  const version = isRecord(metadata) ? metadata.resourceVersion : undefined
  if (typeof version === 'string' && version !== '') return version
  throw new Error('expected a resourceVersion on a bookmark, got none')
}
