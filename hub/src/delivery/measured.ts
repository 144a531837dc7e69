/** Measures each HTTP request: how long it took and how it ended, in the few words that a metric may have. */
import { TimeoutError } from '@watch-hub/shared/runtime/sleep'
import type { Answer, Connections } from './connections.ts'
import type { DeliveryMeter } from './meter.ts'
import { failed } from './outcome.ts'
import { bare, portOf } from './proxy.ts'

/** What this hub did not send, or gave up itself, is no request of anybody. */
export function measured(connections: Connections, to: URL, meter: Pick<DeliveryMeter, 'request'>): Connections {
  const server = { host: bare(to), port: Number(portOf(to)) }
  return {
    ...connections,
    async exchange(request, signal) {
      const began = performance.now()
      const took = () => performance.now() - began
      try {
        const answer = await connections.exchange(request, signal)
        const error = errorOf(answer)
        meter.request({ ...server, status: answer.status, ms: took(), ...(error !== undefined && { error }) })
        return answer
      } catch (error) {
        const kind = signal.aborted && !(signal.reason instanceof TimeoutError) ? undefined : kindOf(error)
        if (kind !== undefined) meter.request({ ...server, error: kind, ms: took() })
        throw error
      }
    },
  }
}

const errorOf = ({ status, broken }: Answer): string | undefined =>
  broken === undefined ? (status >= 400 ? String(status) : undefined) : kindOf(broken)

function kindOf(error: unknown): string | undefined {
  const outcome = failed(error, { mask: (text) => text })
  return outcome.kind === 'blocked' ? undefined : outcome.why.kind
}
