/** Answers of the API server other than a watch: JSON of a bounded size, or a refusal in the words of a Kubernetes Status. */
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { inflatedBytes } from '@watch-hub/shared/protocol/limits'
import type { KubeResponse } from './kube-http.ts'

/** What the API server said instead of doing what it was asked. */
export interface Refusal {
  /** HTTP's, also where it came as an ERROR event. */
  readonly status: number
  /** `Expired`, `Forbidden`, …; empty when there was none. */
  readonly reason: string
  readonly message: string
  /** Do not ask again before. */
  readonly retryAfterMs?: number
}

/** Undefined when the body is longer than `maxBytes`; its connection is closed then. */
export async function readBody(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, bytes)
}

export async function readJson(body: AsyncIterable<Buffer>, maxBytes: number = inflatedBytes): Promise<unknown> {
  const bytes = await readBody(body, maxBytes)
  if (bytes === undefined) throw new Error(`expected an answer of at most ${maxBytes} bytes, got a longer one`)
  return parseJson(bytes.toString())
}

/** Without the parser's message, which quotes the text: it may be a Secret's. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`expected JSON, got ${text.length} characters that are none`)
  }
}

/** Longest pause that a server may ask for. */
const maxRetryAfterMs = 10 * 60_000

export async function refusalOf(response: KubeResponse): Promise<Refusal> {
  const text = (await readBody(response.body, 64 * 1024))?.toString() ?? ''
  const { status: _status, ...said } = refusalOfStatus(jsonOr(text))
  const after = Number(response.headers['retry-after'] ?? Number.NaN)
  const retryAfterMs = Number.isFinite(after) ? Math.min(Math.max(0, after * 1000), maxRetryAfterMs) : said.retryAfterMs
  return {
    ...said,
    status: response.status,
    message: said.message || text.slice(0, 200).trim() || `HTTP ${response.status}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

/** Of an object `kind: Status`. What is missing is empty, or 0. */
export function refusalOfStatus(status: unknown): Refusal {
  const { code, reason, message, details } = isRecord(status) ? status : {}
  const after = isRecord(details) ? details.retryAfterSeconds : undefined
  return {
    status: typeof code === 'number' ? code : 0,
    reason: tooLarge(details) ? 'ResourceVersionTooLarge' : typeof reason === 'string' ? reason : '',
    message: typeof message === 'string' ? message : '',
    ...(typeof after === 'number' && after > 0 ? { retryAfterMs: Math.min(after * 1000, maxRetryAfterMs) } : {}),
  }
}

/** The server is behind the version that we ask for, maybe for good: its data came from a backup. */
const tooLarge = (details: unknown): boolean =>
  isRecord(details) &&
  Array.isArray(details.causes) &&
  details.causes.some((cause: unknown) => isRecord(cause) && cause.reason === 'ResourceVersionTooLarge')

function jsonOr(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined // a proxy in front of the server answers in HTML
  }
}
