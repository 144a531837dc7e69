/**
 * One object as the API server has it now. It is listed by its name, because an agent may list and not get: a list in its namespace with
 * `fieldSelector=metadata.name=…`, which every kind knows.
 */
import { decodeKubeObject, type KubeObject, namespaceOf, withType } from '@watch-hub/shared/pipeline/object'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import { describeError } from '@watch-hub/shared/runtime/log'
import { readJson, refusalOf } from './answer.ts'
import { collectionPath, discover, type KindRef, type ResourceKind } from './discovery.ts'
import type { Kube } from './kube.ts'

export interface ObjectAddress {
  /** Ignored where the kind has none. */
  readonly namespace: string
  readonly name: string
}

export type Found =
  | { readonly found: 'present'; readonly kind: ResourceKind; readonly object: KubeObject }
  | { readonly found: 'absent'; readonly kind: ResourceKind }
  /** `problem` is for people. */
  | { readonly found: 'unknown'; readonly kind?: ResourceKind; readonly problem: string }

/** Rejects only with the reason of `signal`. */
export async function findObject(
  kube: Pick<Kube, 'request'>,
  ref: KindRef,
  address: ObjectAddress,
  signal: AbortSignal,
): Promise<Found> {
  const kind = await discover(kube, ref, signal)
  if (kind.kind !== 'found') return { found: 'unknown', problem: problemOf(kind, ref) }
  try {
    return { ...(await look(kube, kind.found, address, signal)), kind: kind.found }
  } catch (error) {
    signal.throwIfAborted()
    return { found: 'unknown', kind: kind.found, problem: describeError(error) }
  }
}

function problemOf(answer: Exclude<Awaited<ReturnType<typeof discover>>, { kind: 'found' }>, ref: KindRef): string {
  if (answer.kind === 'missing') return `the API server has no resource ${resourceName(ref)}`
  if (answer.kind === 'refused') return `the API server answered ${answer.refusal.status}: ${answer.refusal.message}`
  return describeError(answer.why)
}

type Looked =
  | { readonly found: 'present'; readonly object: KubeObject }
  | { readonly found: 'absent' }
  | { readonly found: 'unknown'; readonly problem: string }

async function look(
  kube: Pick<Kube, 'request'>,
  kind: ResourceKind,
  address: ObjectAddress,
  signal: AbortSignal,
): Promise<Looked> {
  const namespace = kind.namespaced ? address.namespace : ''
  const response = await kube.request(pathOf(kind, { ...address, namespace }), { signal })
  if (response.status !== 200) {
    const { status, message } = await refusalOf(response)
    return { found: 'unknown', problem: `the API server answered ${status}: ${message}` }
  }
  const items = itemsOf(await readJson(response.body))
  const type = { apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind }
  // An API behind the server may not know field selectors, and answers with all there are.
  const object = items
    .map(decodeKubeObject)
    .find((each) => each.metadata.name === address.name && namespaceOf(each) === namespace)
  return object === undefined ? { found: 'absent' } : { found: 'present', object: withType(object, type) }
}

/** `items` is null where a server has none. What came instead is not quoted: it may be a Secret's. */
function itemsOf(list: unknown): readonly unknown[] {
  const items = isRecord(list) ? (list.items ?? []) : undefined
  if (!Array.isArray(items)) throw new Error('expected a list of objects from the API server, got something else')
  return items
}

function pathOf(kind: ResourceKind, { namespace, name }: ObjectAddress): string {
  const all = collectionPath(kind)
  const at = all.length - kind.resource.length
  const path = namespace === '' ? all : `${all.slice(0, at)}namespaces/${encodeURIComponent(namespace)}/${kind.resource}`
  return `${path}?fieldSelector=${encodeURIComponent(`metadata.name=${name.replace(/[\\,=]/g, '\\$&')}`)}`
}
