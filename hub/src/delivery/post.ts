/**
 * Posting: one attempt to hand one batch to its endpoint, and what came of it.
 *
 * `timeoutMs` covers everything, from the token and the name lookup to the last byte of the answer that is read. The batch's id, bytes and
 * headers are the same at every attempt; the url, what authorizes it and the signature with its time are made for each. Within an attempt a
 * request is repeated at once, once, when it died with a connection that was already old, and once with a new token when the first got a 401.
 * Whether to try again is for others.
 */
import { deadline } from '@watch-hub/shared/runtime/sleep'
import type { EndpointConfig } from '../config/model.ts'
import { type Answer, type Connections, openConnections } from './connections.ts'
import type { Egress } from './egress.ts'
import { answerBytes } from './failure-list.ts'
import { measured } from './measured.ts'
import { type DeliveryMeter, silentMeter } from './meter.ts'
import type { AskToken } from './oauth.ts'
import { failed, judge } from './outcome.ts'
import type { EgressProxy } from './proxy.ts'
import { retryAfterMs } from './retry.ts'
import { DeliveryFailure, type Outcome, type Outgoing, type Send } from './send.ts'
import type { Target } from './target.ts'
import { withTokens } from './tokens.ts'

/** A sender with its own connections. Disposing waits for the attempts under way, which their signals end, and closes them. */
export interface Post extends AsyncDisposable {
  readonly send: Send
}

export interface PostSettings {
  readonly timeoutMs: number
  readonly egress: Egress
  readonly proxy?: EgressProxy | undefined
  /** @default law 6 alone */
  readonly outcomes?: EndpointConfig['outcomes']
  /** Tells what was said to accepted requests too. @default false */
  readonly keepAnswers?: boolean
  readonly now: () => number
  /** @default none */
  readonly meter?: Pick<DeliveryMeter, 'request'> | undefined
}

/** A connection that was closed while nobody used it says so at once; later it is an answer to the request. */
const staleWithinMs = 1_000

export function openPost(given: Target, settings: PostSettings): Post {
  const { timeoutMs, outcomes = {}, keepAnswers = false, now, meter = silentMeter } = settings
  const { url } = given
  const tokenUrl = given.oauth2?.tokenUrl
  const open = (receiver: URL, tls: Target['tls']) => measured(openConnections({ ...settings, receiver, tls }), receiver, meter)
  const tokens = tokenUrl && open(tokenUrl, authoritiesOf(given))
  const target = tokens === undefined ? given : withTokens(given, { ask: asking(tokens, given, now), now })
  const connections = open(url, target.tls)
  const path = `${url.pathname}${url.search}`
  const running = new Set<Promise<unknown>>()

  async function attempt(batch: Outgoing, signal: AbortSignal): Promise<Outcome> {
    const authorized = await target.authorize?.(signal)
    if (authorized?.kind === 'failed') return authorized.outcome
    const first = await request(batch, { signal, authorization: authorized?.headers, before: 0 })
    if (first.answer.status !== 401 || authorized === undefined) return told(first)
    target.refresh?.(authorized.headers)
    const renewed = await target.authorize?.(signal)
    if (renewed?.kind !== 'ready') return renewed?.outcome ?? told(first)
    const second = await request(batch, { signal, authorization: renewed.headers, before: first.resends + 1 })
    return told({ ...second, resends: first.resends + second.resends })
  }

  async function request(batch: Outgoing, { signal, authorization, before }: Attempt): Promise<Answered> {
    const { id, body } = batch
    const headers: Record<string, string> = { ...target.headers, ...batch.headers, ...authorization, 'webhook-id': id }
    if (target.sign !== undefined) {
      const seconds = Math.floor(now() / 1_000)
      headers['webhook-timestamp'] = String(seconds)
      headers['webhook-signature'] = target.sign(id, seconds, body)
    }
    const whyOf = (error: unknown) => {
      const { why } = failed(error, target)
      return { error: why.message, ...(why instanceof DeliveryFailure && { failure: why.kind }) }
    }
    const exchange = async (resend: number): Promise<Answer> => {
      const trace = batch.trace?.request({ url, resend })
      if (trace?.traceparent !== undefined) headers.traceparent = trace.traceparent
      try {
        const answer = await connections.exchange({ path, headers, body, readUpTo: answerBytes }, signal)
        trace?.end({ status: answer.status, ...(answer.broken !== undefined && whyOf(answer.broken)) })
        return answer
      } catch (error) {
        trace?.end(whyOf(error))
        throw error
      }
    }
    const began = now()
    try {
      return { answer: await exchange(before), resends: 0 }
    } catch (error) {
      if (signal.aborted || !connections.wasStale(error) || now() - began > staleWithinMs) throw error
    }
    try {
      return { answer: await exchange(before + 1), resends: 1 }
    } catch (error) {
      throw new ResentError(error)
    }
  }

  const told = ({ answer, resends }: Answered): Outcome =>
    withResends(judge(answer, { target, outcomes, now: now(), keepAnswers }), resends)

  async function limited(batch: Outgoing, signal: AbortSignal): Promise<Outcome> {
    using limit = deadline(timeoutMs, { parent: signal, what: `the request to ${url.host}` })
    const outcome = await attempt(batch, limit.signal).catch((error: unknown) =>
      error instanceof ResentError ? withResends(failed(error.cause, target), 1) : failed(error, target),
    )
    if (outcome.kind !== 'accepted') signal.throwIfAborted()
    return outcome
  }

  return {
    send: async function post(batch, signal) {
      const one = limited(batch, signal)
      running.add(one)
      try {
        return await one
      } finally {
        running.delete(one)
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(running)
      await Promise.all([connections[Symbol.asyncDispose](), tokens?.[Symbol.asyncDispose]()])
    },
  }
}

interface Attempt {
  readonly signal: AbortSignal
  readonly authorization: Readonly<Record<string, string>> | undefined
  /** Requests that this attempt made before. */
  readonly before: number
}

interface Answered {
  readonly answer: Answer
  readonly resends: number
}

/** Carries that the request was repeated past an error. */
class ResentError extends Error {
  override readonly name = 'ResentError'
  constructor(cause: unknown) {
    super('the request was repeated in vain', { cause })
  }
}

const withResends = (outcome: Outcome, resends: number): Outcome =>
  resends === 0 || outcome.kind === 'blocked' || outcome.kind === 'changed' ? outcome : { ...outcome, resends }

/** A token endpoint is trusted by the endpoint's authorities; its certificate is not shown there. */
const authoritiesOf = ({ tls }: Target): Target['tls'] => (tls?.ca === undefined ? undefined : { ca: tls.ca })

const longestToken = 64 * 1024

/** Over connections of its own, guarded as deliveries are. */
function asking(connections: Connections, target: Target, now: () => number): AskToken {
  return async ({ url, headers, body }, signal) => {
    try {
      const path = `${url.pathname}${url.search}`
      const answer = await connections.exchange({ path, headers, body, readUpTo: () => longestToken }, signal)
      if (answer.broken !== undefined) throw answer.broken
      const afterMs = retryAfterMs([answer.headers['retry-after']].flat()[0], now())
      const { status } = answer
      return { kind: 'answered', status, body: answer.body.toString('utf8'), ...(afterMs !== undefined && { afterMs }) }
    } catch (error) {
      signal.throwIfAborted()
      return failed(error, target)
    }
  }
}
