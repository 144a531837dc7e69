/**
 * A receiver for trying things out: takes deliveries of every format, keeps the receiver's rule, verifies signatures where it is given secrets,
 * and fails where it is told to.
 */
import { DecodeError, decodeJson, json } from '@watch-hub/shared/protocol/decode'
import { describeError } from '@watch-hub/shared/runtime/log'
import { distrust, type SigningKey } from '../delivery/signature.ts'
import { type HttpServer, listen } from '../http/listen.ts'
import type { ListenAddress } from '../settings.ts'
import { type Delivery, type ReceivedItem, readDelivery } from './read-delivery.ts'

export type { ReceivedItem }

export type Received =
  | ({ readonly kind: 'accepted' } & Delivery)
  | { readonly kind: 'failed'; readonly status: number; readonly path: string }
  | { readonly kind: 'not-understood'; readonly path: string; readonly why: string }

/** Whether a request may be believed. */
export interface Verdict {
  readonly path: string
  /** `webhook-id` */
  readonly id: string | undefined
  /** Why not; absent = it may. */
  readonly why?: string
}

export interface ReceiverOptions {
  readonly listen: ListenAddress
  /** Asked for each request, which counts from 1: a status to fail it with. */
  readonly failing: (request: number) => number | undefined
  readonly onReceived: (received: Received) => void
  /** Absent = every request is believed. One that is not gets 401 and is told to nobody else. */
  readonly verify?: { readonly keys: readonly SigningKey[]; readonly onVerdict: (verdict: Verdict) => void }
}

const maxBytes = 64 * 1024 * 1024

export async function startReceiver(options: ReceiverOptions): Promise<HttpServer> {
  const { listen: address, failing, onReceived, verify } = options
  const memory = new Map<string, string>()
  let requests = 0
  const answer = (request: Request, path: string, bytes: Uint8Array): Response => {
    const status = failing(++requests)
    if (verify !== undefined) {
      const verdict = judge(request.headers, path, { bytes, keys: verify.keys })
      verify.onVerdict(verdict)
      if (verdict.why !== undefined) return refusal(401, 'not-trusted', verdict.why)
    }
    if (status !== undefined) {
      onReceived({ kind: 'failed', status, path })
      return refusal(status, 'as-told', 'this receiver was told to fail')
    }
    const body = decodeJson(json, Buffer.from(bytes).toString('utf8'))
    onReceived({ kind: 'accepted', ...readDelivery({ path, headers: request.headers, body }, memory) })
    return Response.json({})
  }
  const fetch = async (request: Request): Promise<Response> => {
    const path = new URL(request.url).pathname
    try {
      return answer(request, path, await readBody(request))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      onReceived({ kind: 'not-understood', path, why: describeError(error) })
      return refusal(400, 'not-understood', error.message)
    }
  }
  return listen({ fetch }, { listen: address, graceMs: 200 })
}

const refusal = (status: number, code: string, message: string): Response => Response.json({ code, message }, { status })

interface Evidence {
  readonly bytes: Uint8Array
  readonly keys: readonly SigningKey[]
}

function judge(headers: Headers, path: string, { bytes, keys }: Evidence): Verdict {
  const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map((name) => headers.get(`webhook-${name}`) ?? undefined)
  const why = distrust({ id, timestamp, signature, body: bytes }, keys, Date.now())
  return { path, id, ...(why !== undefined && { why }) }
}

async function readBody(request: Request): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of request.body ?? []) {
    size += part.length
    if (size > maxBytes) throw new DecodeError(`expected a body of at most ${maxBytes} bytes, got more`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}
