/**
 * Changes objects in a test cluster, real or simulated, over kept-alive connections. For arranging and asserting only: nothing is retried,
 * and an answer that is not a success is thrown with its text.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'

export interface KubeAccess {
  readonly url: string
  /** PEM */
  readonly ca?: string
  readonly token?: string
}

/** `services`, `deployments.apps`, `widgets.example.com/v2`; version v1 unless said. */
export type Resource = string
interface Ref {
  readonly resource: Resource
  readonly namespace?: string
  readonly name: string
}
export interface Json {
  readonly [key: string]: unknown
}

export interface KubeClient extends Disposable {
  create(resource: Resource, object: Json): Promise<Json>
  /** Merge patch. */
  patch(ref: Ref, change: Json): Promise<Json>
  delete(ref: Ref): Promise<void>
  get(ref: Ref): Promise<Json>
  /** Creates it unless it is there. */
  ensureNamespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>
  /** Any other call. */
  call(method: string, path: string, body?: Json): Promise<{ readonly status: number; readonly body: Json }>
}

export function collectionPath(resource: Resource, namespace?: string): string {
  const [name = '', version = 'v1'] = resource.split('/')
  const dot = name.indexOf('.')
  const plural = dot < 0 ? name : name.slice(0, dot)
  const base = dot < 0 ? `/api/${version}` : `/apis/${name.slice(dot + 1)}/${version}`
  return namespace === undefined ? `${base}/${plural}` : `${base}/namespaces/${namespace}/${plural}`
}

const pathOf = ({ resource, namespace, name }: Ref) => `${collectionPath(resource, namespace)}/${name}`

/** Connections end long before a server would end them: a request that meets the server's end of one fails. */
const idleMs = 1_000

export function kubeClient(access: KubeAccess): KubeClient {
  const secure = access.url.startsWith('https:')
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 16, timeout: idleMs })

  const call: KubeClient['call'] = async (method, path, body) => {
    const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number; readonly body: Json }>()
    const options = {
      method,
      agent,
      headers: {
        ...(access.token === undefined ? {} : { authorization: `Bearer ${access.token}` }),
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      },
      ...(access.ca === undefined ? {} : { ca: access.ca }),
    }
    const sent = (secure ? httpsRequest : httpRequest)(new URL(path, access.url), options, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: parse(answer) }), reject)
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    return promise
  }
  const must: KubeClient['call'] = async (method, path, body) => {
    const answer = await call(method, path, body)
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: expected a success, got ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer
  }

  return {
    call,
    create: async (resource, object) => (await must('POST', collectionPath(resource, namespaceOf(object)), object)).body,
    patch: async (ref, change) => (await must('PATCH', pathOf(ref), change)).body,
    delete: async (ref) => {
      await must('DELETE', pathOf(ref))
    },
    get: async (ref) => (await must('GET', pathOf(ref))).body,
    ensureNamespace: async (name, labels = {}) => {
      const answer = await call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
      if (answer.status >= 300 && answer.status !== 409) throw new Error(`namespace ${name}: ${JSON.stringify(answer.body)}`)
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null

function parse(answer: string): Json {
  const value: unknown = answer === '' ? {} : JSON.parse(answer)
  return isJson(value) ? value : {}
}

function namespaceOf(object: Json): string | undefined {
  const { metadata } = object
  return isJson(metadata) && typeof metadata.namespace === 'string' ? metadata.namespace : undefined
}
