/** Errors as plain data, so that they cross a thread with message, name and causes. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly cause?: PlainError
}

export function toPlain(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message, stack, cause } = error
  return { name, message, ...(stack !== undefined && { stack }), ...(cause !== undefined && { cause: toPlain(cause) }) }
}

export function fromPlain({ name, message, stack, cause }: PlainError): Error {
  const error = new Error(message, cause === undefined ? {} : { cause: fromPlain(cause) })
  return Object.assign(error, { name }, stack === undefined ? {} : { stack })
}
