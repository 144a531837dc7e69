/**
 * Logs are JSON lines: `time`, `level`, `msg`, then fields. Never give it a secret: fields are written as they are.
 * Errors are written as their message and the messages of their causes; stacks only at `debug`.
 */
export type Level = 'debug' | 'info' | 'warn' | 'error'
export type Fields = Readonly<Record<string, unknown>>

export interface Log {
  debug(msg: string, fields?: Fields): void
  info(msg: string, fields?: Fields): void
  warn(msg: string, fields?: Fields): void
  error(msg: string, fields?: Fields): void
  /** A log that adds `fields` to each line. */
  with(fields: Fields): Log
}

const order: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 }

/** "what happened: why: why that", following `cause`. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (let at = error; at !== undefined && parts.length < 8; at = at instanceof Error ? at.cause : undefined)
    parts.push(sentence(at))
  return [...new Set(parts)].join(': ')
}

function sentence(error: unknown): string {
  if (error instanceof SuppressedError)
    return `${describeError(error.suppressed)}; then, while ending: ${describeError(error.error)}`
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describeError).join('; ')
  return error instanceof Error ? error.message : String(error)
}

export function createLog(write: (line: string) => void, level: Level = 'info', base: Fields = {}): Log {
  const line =
    (at: Level) =>
    (msg: string, fields: Fields = {}) => {
      if (order[at] < order[level]) return
      write(`${JSON.stringify({ time: new Date().toISOString(), level: at, msg, ...base, ...fields }, plain(level))}\n`)
    }
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    with: (fields) => createLog(write, level, { ...base, ...fields }),
  }
}

const plain = (level: Level) => (_key: string, value: unknown) => {
  if (value instanceof Error) return level === 'debug' ? `${describeError(value)}\n${value.stack}` : describeError(value)
  return typeof value === 'bigint' ? String(value) : value
}

/** Says nothing. */
export const silentLog: Log = createLog(() => {}, 'error')
