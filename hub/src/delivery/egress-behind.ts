/**
 * The receiver behind an egress proxy: judged as far as it can be from here. The proxy looks names up itself, perhaps with other answers, so
 * a name that leads to a closed address here is refused, and one that leads nowhere here is left to the proxy.
 */
import { isIP } from 'node:net'
import { type Sleep, sleep } from '@watch-hub/shared/runtime/sleep'
import { type Egress, EgressError } from './egress.ts'
import { bare } from './proxy.ts'

/** Where names of the outside are not known inside, the resolver may take its time to say so. */
const patienceMs = 1_000

/** Throws `EgressError` when the receiver may not be reached. */
export async function judgeBehind(receiver: URL, egress: Egress, wait: Sleep = sleep): Promise<void> {
  const host = bare(receiver)
  if (isIP(host) === 0) {
    using over = stopper()
    const refused = await Promise.race([lookedUp(host, egress), wait(patienceMs, over.signal).catch(() => undefined)])
    if (refused instanceof EgressError) throw refused
    return
  }
  const refusal = egress.refusal(host)
  if (refusal !== undefined) throw new EgressError(`${host} may not be reached: ${refusal}`)
}

const lookedUp = (host: string, { lookup }: Egress): Promise<Error | undefined> =>
  new Promise((resolve) => lookup(host, { all: true }, (error) => resolve(error ?? undefined)))

function stopper(): Disposable & { readonly signal: AbortSignal } {
  const stop = new AbortController()
  return { signal: stop.signal, [Symbol.dispose]: () => stop.abort() }
}
