/** Answers what is about no object: discovery, the version, and what the caller may do. */
import type { IncomingMessage } from 'node:http'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import type { ApiParts } from './api.ts'
import * as discovery from './discovery.ts'
import { type Call, jsonBody, sendJson, sendText } from './http.ts'
import { resourceName } from './resources.ts'

export async function answerOther(parts: ApiParts, call: Call): Promise<void> {
  const { request, response, path } = call
  if (path === accessReview && request.method === 'POST') return answerAccessReview(parts, call)
  const document = discoveryDocument(parts, request, path)
  if (document === undefined) return sendText(response, 404, '404 page not found\n')
  sendText(response, 200, JSON.stringify(document.body), document.type)
}

const accessReview = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'

async function answerAccessReview({ faults }: ApiParts, { request, response }: Call): Promise<void> {
  const body = await jsonBody(request)
  const spec = isRecord(body) && isRecord(body.spec) ? body.spec : {}
  const { group = '', resource = '', namespace, verb } = isRecord(spec.resourceAttributes) ? spec.resourceAttributes : {}
  const scope = typeof namespace === 'string' && namespace !== '' ? { namespace } : {}
  const asked = { resource: resourceName({ group: String(group), resource: String(resource) }), ...scope }
  const allowed = !(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] as const).some(
    (known) => known === verb && faults.isForbidden({ ...asked, verb: known }),
  )
  sendJson(response, 201, {
    kind: 'SelfSubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    metadata: {},
    spec,
    status: { allowed },
  })
}

function discoveryDocument({ store, settings }: ApiParts, request: IncomingMessage, path: string) {
  const definitions = store.tables.map(({ definition }) => definition)
  const [root, group, version, ...more] = path.split('/').filter((part) => part !== '')
  const type = 'application/json'
  if (path === '/version') return { type, body: discovery.versionInfo(settings.version) }
  if (more.length > 0 || (root !== 'api' && root !== 'apis')) return undefined
  if (group === undefined) {
    if (settings.aggregatedDiscovery && discovery.wantsAggregated(request.headers.accept))
      return { type: discovery.aggregatedType, body: discovery.aggregated(definitions, root === 'api') }
    return { type, body: root === 'api' ? discovery.coreVersions : discovery.groupList(definitions) }
  }
  const body = documentOf()
  return body === undefined ? undefined : { type, body }

  function documentOf() {
    if (root === 'api') return version === undefined ? discovery.resourceList(definitions, '', group ?? '') : undefined
    if (version === undefined) return discovery.groupDocument(definitions, group ?? '')
    return discovery.resourceList(definitions, group ?? '', version)
  }
}
