/** Reading and writing single objects over HTTP, as far as an agent does it. */
import { isRecord } from '@watch-hub/shared/protocol/decode'
import type { Target } from './resources.ts'
import { ApiError, badRequest, notFound } from './status.ts'
import { type Fields, fieldsOf, type State, type Store } from './store.ts'
import type { Table } from './table.ts'

export interface ObjectRequest {
  readonly table: Table
  readonly target: Target
  readonly method: string
  readonly contentType: string
  /** Parsed JSON. */
  readonly body: unknown
}

export type ObjectAnswer = { readonly code: 200 | 201; readonly state: State } | { readonly code: 200; readonly deleted: State }

/** Throws ApiError. */
export function answerObject(store: Store, request: ObjectRequest): ObjectAnswer {
  const { table, target, method } = request
  if (target.subresource !== undefined && target.subresource !== 'status') throw noMethod(method)
  if (method === 'POST' && target.name === undefined) return { code: 201, state: create(store, request) }
  if (target.name === undefined) throw noMethod(method)
  const before = store.get(table, target.namespace ?? '', target.name)
  switch (method) {
    case 'GET':
      return { code: 200, state: before }
    case 'PUT':
      return { code: 200, state: store.replace(table, before, scoped(request, before, recordBody(request))) }
    case 'PATCH':
      return { code: 200, state: store.replace(table, before, scoped(request, before, patched(request, before))) }
    case 'DELETE':
      return { code: 200, deleted: store.remove(table, before) }
    default:
      throw noMethod(method)
  }
}

const noMethod = (method: string): ApiError =>
  new ApiError(405, 'MethodNotAllowed', `the server does not allow this method on the requested resource: ${method}`)

function create(store: Store, request: ObjectRequest): State {
  const { table, target } = request
  const namespaces = store.table('namespaces')
  if (target.namespace !== undefined && !namespaces.objects.has(`/${target.namespace}`))
    throw notFound(namespaces.definition, target.namespace)
  return store.create(table, recordBody(request), target.namespace)
}

function recordBody({ body }: ObjectRequest): Fields {
  if (!isRecord(body)) throw badRequest('the object provided is unrecognized (must be of type Object)')
  return body
}

function patched(request: ObjectRequest, before: State): Fields {
  const known = /^application\/(strategic-)?merge-patch\+json/.test(request.contentType)
  if (!known)
    throw new ApiError(415, 'UnsupportedMediaType', `the simulator takes merge patches only, got ${request.contentType}`)
  return fieldsOf(mergePatch(before.fields, recordBody(request)))
}

/** The subresource `status` changes nothing else, and a write to the object does not change the identity. */
function scoped({ target }: ObjectRequest, before: State, object: Fields): Fields {
  return target.subresource === 'status' ? { ...before.fields, status: object.status } : object
}

/** RFC 7396. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const merged = new Map(Object.entries(fieldsOf(target)))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, mergePatch(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}
