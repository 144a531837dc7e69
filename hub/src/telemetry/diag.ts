/**
 * What the OpenTelemetry SDK says of itself goes to the hub's log: it has one logger for the whole process. It says the same thing again and
 * again while something is wrong, so each text is a warning once and after that is only there for whoever debugs.
 */
import { DiagLogLevel, diag } from '@opentelemetry/api'
import type { Log } from '@watch-hub/shared/runtime/log'

/** Texts that are remembered; beyond them, the oldest may be said again. */
const remembered = 100

/** From now on, until it is disposed. */
export function bridgeDiag(log: Log): Disposable {
  const said = new Set<string>()
  const warn = (message: string, ...rest: unknown[]): void => {
    const text = [message, ...rest.map(wordsOf)].join(' ')
    const again = said.has(text)
    for (const oldest of said) if (!again && said.size >= remembered) said.delete(oldest)
    said.add(text)
    log[again ? 'debug' : 'warn']('OpenTelemetry', { says: text })
  }
  const debug = (message: string): void => log.debug('OpenTelemetry', { says: message })
  diag.setLogger(
    { error: warn, warn, info: debug, debug: () => {}, verbose: () => {} }, // of its debug lines, some hold all that is exported
    { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true },
  )
  return { [Symbol.dispose]: () => diag.disable() }
}

const wordsOf = (value: unknown): string => (value instanceof Error ? value.message : String(value))
