/** One request after the other: who may ask, which kind is meant, and who answers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerList } from './answer-list.ts'
import { answerOther } from './answer-other.ts'
import { answerWatch } from './answer-watch.ts'
import type { Faults } from './faults.ts'
import { type Call, jsonBody, sendError, sendFailure, sendJson, sendText } from './http.ts'
import type { Lists } from './list.ts'
import { answerObject } from './objects.ts'
import { type RecordedRequest, verbOf } from './requests.ts'
import { parseTarget, resourceName, type Target } from './resources.ts'
import { forbidden, unauthorized } from './status.ts'
import type { Store } from './store.ts'
import type { Table } from './table.ts'
import type { Watches } from './watches.ts'

export interface ApiSettings {
  /** `v1.31.0` */
  readonly version: string
  /** Bearer token of the moment; undefined = everybody may. */
  readonly token: () => string | undefined
  /** Who the token stands for, as refusals name it. */
  readonly user: string
  readonly aggregatedDiscovery: boolean
  readonly streamingLists: 'served' | 'ignored' | 'refused'
  /** A watch from a version that the server has not reached: silent until then, or refused as too large. */
  readonly futureVersions: 'silent' | 'refused'
}

export interface ApiParts {
  readonly store: Store
  readonly lists: Lists
  readonly watches: Watches
  readonly faults: Faults
  readonly settings: ApiSettings
  readonly record: (request: RecordedRequest) => void
  /** How a watch from a forgotten version is told so. */
  readonly expiredAs: () => 'event' | 'status'
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

export function createApi(parts: ApiParts): Handler {
  const { faults, settings } = parts
  return (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://simulator')
    const query = Object.fromEntries(searchParams)
    const target = parseTarget(pathname)
    const recorded = describe(request, pathname, query, target)
    parts.record(recorded)
    const call = { request, response, path: pathname, query, recorded }
    const run = async (): Promise<void> => {
      if (/^\/(healthz|livez|readyz)$/.test(pathname)) return sendText(response, 200, 'ok')
      const token = settings.token()
      if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) throw unauthorized()
      const failing = faults.failureFor(recorded)
      if (failing !== undefined && !failing.emptyList) return sendFailure(response, failing, recorded)
      const table = target === undefined ? undefined : parts.store.tableFor(target)
      if (table !== undefined && target !== undefined)
        return answerResource(parts, call, { table, target, hideAll: failing?.emptyList === true })
      return answerOther(parts, call)
    }
    run().catch((error: unknown) => sendError(response, error))
  }
}

function describe(
  request: IncomingMessage,
  path: string,
  query: Readonly<Record<string, string>>,
  target: Target | undefined,
): RecordedRequest {
  const method = request.method ?? 'GET'
  const base = { method, path, query, at: Date.now() }
  if (target === undefined) return { ...base, verb: 'other' }
  const { namespace } = target
  const verb = verbOf(method, target.name !== undefined, query)
  return { ...base, verb, resource: resourceName(target), ...(namespace === undefined ? {} : { namespace }) }
}

/** A kind that exists, and what is asked of it. */
export interface Asked {
  readonly table: Table
  readonly target: Target
  /** A list shows nothing, by mistake. */
  readonly hideAll: boolean
}

async function answerResource(parts: ApiParts, call: Call, asked: Asked): Promise<void> {
  const { verb } = call.recorded
  if (parts.faults.isForbidden(call.recorded)) throw forbidden(asked.target, verb, parts.settings.user)
  if (verb === 'watch') return answerWatch(parts, call, asked)
  if (verb === 'list') return answerList(parts, call, asked)
  return answerSingle(parts, call, asked)
}

async function answerSingle({ store }: ApiParts, { request, response }: Call, { table, target }: Asked): Promise<void> {
  const method = request.method ?? 'GET'
  const contentType = request.headers['content-type'] ?? ''
  const body = method === 'GET' ? undefined : await jsonBody(request)
  const answer = answerObject(store, { table, target, method, contentType, body })
  if ('state' in answer) return sendText(response, answer.code, table.json(answer.state, target.version), 'application/json')
  const { name } = answer.deleted
  const { uid } = answer.deleted.fields.metadata
  const details = { name, kind: target.resource, uid, ...(target.group === '' ? {} : { group: target.group }) }
  sendJson(response, 200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details })
}
