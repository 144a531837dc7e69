/**
 * The access tokens of one endpoint: kept in memory only, each until shortly before its end. Who needs one while it is being asked for waits
 * for the same request, which ends when nobody waits any more. A renewal that fails spoils nothing while the old token holds.
 */
import { TimeoutError } from '@watch-hub/shared/runtime/sleep'
import { type Mask, masking } from './mask.ts'
import { type AskToken, type ClientCredentials, createTokenClient } from './oauth.ts'
import type { Authorized, Target } from './target.ts'

/** `target` with what it takes to authorize its attempts; the same where it needs no token. */
export function withTokens(target: Target, deps: TokenDeps): Target {
  const { oauth2 } = target
  if (oauth2 === undefined) return target
  const tokens = openTokens(oauth2, deps)
  return { ...target, ...tokens, mask: (text) => target.mask(tokens.mask(text)) }
}

export interface Tokens {
  readonly authorize: NonNullable<Target['authorize']>
  readonly refresh: NonNullable<Target['refresh']>
  /** Hides tokens and credentials. */
  readonly mask: Mask
}

export interface TokenDeps {
  readonly ask: AskToken
  readonly now: () => number
}

interface Held {
  readonly authorization: string
  readonly renewAt: number
  readonly endsAt: number
}

const ready = ({ authorization }: Held): Authorized => ({ kind: 'ready', headers: { authorization } })

interface Flight {
  readonly landed: Promise<Authorized>
  readonly stop: AbortController
  waiting: number
}

const earlyMs = 60_000
/** Between a renewal that failed and the next. */
const pauseMs = 10_000
/** Tokens that an echo may still hold. */
const rememberedTokens = 4

export function openTokens(credentials: ClientCredentials, { ask, now }: TokenDeps): Tokens {
  const client = createTokenClient(credentials, ask)
  let held: Held | undefined
  let flight: Flight | undefined
  let known: readonly string[] = []
  let hideTokens: Mask = (text) => text

  async function renew(signal: AbortSignal): Promise<Authorized> {
    const askedAt = now()
    const got = await client.token(signal)
    if (got.kind === 'token') {
      const { value, lifetimeMs } = got
      const endsAt = askedAt + lifetimeMs
      held = { authorization: `Bearer ${value}`, renewAt: endsAt - Math.min(earlyMs, lifetimeMs / 5), endsAt }
      known = [value, ...known.filter((token) => token !== value)].slice(0, rememberedTokens)
      hideTokens = masking(known)
      return ready(held)
    }
    if (held === undefined || now() >= held.endsAt) return { kind: 'failed', outcome: got }
    held = { ...held, renewAt: now() + pauseMs }
    return ready(held)
  }

  function takeOff(): Flight {
    const stop = new AbortController()
    const self: Flight = { landed: renew(stop.signal), stop, waiting: 0 }
    const end = () => {
      if (flight === self) flight = undefined
    }
    self.landed.then(end, end)
    return self
  }

  /** The last one to leave before the end stops the request, and waits until it has really ended. */
  async function board(one: Flight, signal: AbortSignal): Promise<Authorized> {
    one.waiting++
    try {
      return await orAborted(one.landed, signal)
    } finally {
      one.waiting--
      if (one.waiting === 0) {
        if (flight === one) flight = undefined
        one.stop.abort()
        await Promise.allSettled([one.landed])
      }
    }
  }

  return {
    async authorize(signal) {
      signal.throwIfAborted()
      if (held !== undefined && now() < held.renewAt) return ready(held)
      flight ??= takeOff()
      try {
        return await board(flight, signal)
      } catch (error) {
        if (error !== signal.reason || !(error instanceof TimeoutError)) throw error
        return { kind: 'failed', outcome: client.failure('no answer in time', { cause: error }) }
      }
    },
    refresh({ authorization }) {
      if (held?.authorization === authorization) held = undefined // else that was done meanwhile
    },
    mask: (text) => client.mask(hideTokens(text)),
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', onAbort))
}
