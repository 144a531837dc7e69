/** What a test makes the server do wrong; the server asks before it answers. */
import type { ServerResponse } from 'node:http'
import { matchesFilter, type RecordedRequest, type RequestFilter, type Verb } from './requests.ts'

export interface Failure {
  /** @default every request that reads or writes objects */
  readonly match?: RequestFilter | ((request: RecordedRequest) => boolean)
  /** Answer with this HTTP status and the Status object that goes with it. */
  readonly status?: number
  /** Answer a watch with 200 and an ERROR event of this code. */
  readonly errorEvent?: number
  /** Answer 200 with an empty body, as a watch of Events with an old version is answered. */
  readonly empty?: boolean
  /** Answer a watch with one bookmark and end it. */
  readonly bookmark?: boolean
  /** Answer a list with no objects at all, though there are some. */
  readonly emptyList?: boolean
  /** Half-open: the connection stays, and no answer comes; or its head alone. */
  readonly silent?: 'before-head' | 'after-head'
  /** Close the connection without an answer. */
  readonly reset?: boolean
  /** Seconds, in the header `Retry-After`. */
  readonly retryAfter?: number
  /** @default 1 */
  readonly times?: number
}

/** Which of a forbidden kind's requests are refused: all, or only those over all namespaces. */
type Forbidden = { readonly verbs?: readonly Verb[]; readonly scope?: 'all' | 'cluster' }

export interface Faults {
  failNext(failure: Failure): void
  /** The failure that this request is to meet. It is used up by asking. */
  failureFor(request: RecordedRequest): Failure | undefined
  /** Failures that no request met yet meet none any more. */
  failNoMore(): void
  forbid(resource: string, forbidden?: Forbidden): void
  allow(resource: string): void
  isForbidden(request: Pick<RecordedRequest, 'resource' | 'namespace' | 'verb'>): boolean
  /** From now on every body is written in pieces of this many bytes; 0 = as it comes. */
  splitChunks(bytes: number): void
  /** The next body that holds this text is cut in the middle of it, byte-wise: of its first characters, of a character, of a number. */
  cutInside(text: string): void
  /** Writes as the faults want it. */
  write(response: ServerResponse, text: string): void
}

export function createFaults(): Faults {
  const failures: { readonly failure: Failure; left: number }[] = []
  const forbidden = new Map<string, Forbidden>()
  let pieceBytes = 0
  let cutIn: string | undefined
  const cut = new WeakSet<ServerResponse>()

  return {
    failNext: (failure) => {
      failures.push({ failure, left: failure.times ?? 1 })
    },
    failureFor: (request) => {
      const found = failures.find(({ failure, left }) => left > 0 && concerns(failure, request))
      if (found !== undefined) found.left--
      return found?.failure
    },
    failNoMore: () => {
      failures.length = 0
      cutIn = undefined
    },
    forbid: (resource, how = {}) => {
      forbidden.set(resource, how)
    },
    allow: (resource) => {
      forbidden.delete(resource)
    },
    isForbidden: ({ resource, namespace, verb }) => {
      const how = forbidden.get(resource ?? '')
      if (how === undefined || (how.scope === 'cluster' && namespace !== undefined)) return false
      return how.verbs === undefined || how.verbs.includes(verb)
    },
    splitChunks: (bytes) => {
      pieceBytes = bytes
    },
    cutInside: (text) => {
      cutIn = text
    },
    write: (response, text) => {
      if (cut.has(response)) return
      if (cutIn !== undefined && text.includes(cutIn)) {
        const until = Buffer.byteLength(text.slice(0, text.indexOf(cutIn))) + (Buffer.byteLength(cutIn) >> 1)
        cutIn = undefined
        cut.add(response)
        response.write(Buffer.from(text).subarray(0, until), () => response.destroy())
        return
      }
      if (pieceBytes === 0) {
        response.write(text)
        return
      }
      const bytes = Buffer.from(text)
      for (let at = 0; at < bytes.length; at += pieceBytes) response.write(bytes.subarray(at, at + pieceBytes))
    },
  }
}

function concerns({ match = {} }: Failure, request: RecordedRequest): boolean {
  if (typeof match === 'function') return match(request)
  return request.resource !== undefined && matchesFilter(request, match)
}
