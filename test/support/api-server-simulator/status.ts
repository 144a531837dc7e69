/** What the API server says when it refuses: a `Status` object with a reason for programs and a message for people, worded as the real one words it. */
import type { Target } from './resources.ts'

export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status. */
  readonly code: number
  readonly reason: string
  readonly details: Readonly<Record<string, unknown>>
  constructor(code: number, reason: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = details
  }
}

export const statusOf = ({ code, reason, message, details }: ApiError) => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  details,
  code,
})

type Named = { readonly group: string; readonly resource: string }
const qualified = ({ group, resource }: Named): string => (group === '' ? resource : `${resource}.${group}`)
const details = ({ group, resource }: Named, name: string) => ({ name, ...(group === '' ? {} : { group }), kind: resource })

export const notFound = (of: Named, name: string): ApiError =>
  new ApiError(404, 'NotFound', `${qualified(of)} "${name}" not found`, details(of, name))

export const alreadyExists = (of: Named, name: string): ApiError =>
  new ApiError(409, 'AlreadyExists', `${qualified(of)} "${name}" already exists`, details(of, name))

export const conflict = (of: Named, name: string): ApiError =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(of)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    details(of, name),
  )

export const invalid = (message: string): ApiError => new ApiError(422, 'Invalid', message)
export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message)
export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'Unauthorized')

export const expiredVersion = (asked: number, oldest: number): ApiError =>
  new ApiError(410, 'Expired', `too old resource version: ${asked} (${oldest})`)

export const expiredContinue = (): ApiError =>
  new ApiError(
    410,
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.',
  )

export const tooLarge = (asked: number, current: number): ApiError =>
  new ApiError(504, 'Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  })

export function forbidden(target: Target, verb: string, user: string): ApiError {
  const { group, resource, namespace, name } = target
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const message = `${qualified(target)}${name === undefined ? '' : ` "${name}"`} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`
  return new ApiError(403, 'Forbidden', message, details(target, name ?? ''))
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** For an injected failure. */
export const failure = (code: number, retryAfterSeconds?: number): ApiError =>
  new ApiError(
    code,
    reasons[code] ?? 'Unknown',
    code === 410 ? 'too old resource version: 1 (2)' : `simulated ${reasons[code] ?? 'failure'}`,
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  )
