/**
 * Discovery: what the API server serves under a resource name. Nothing is remembered: custom resources come and go, and the version that a
 * server prefers changes with its upgrades, so each start of a kind asks anew. Plain discovery only; every server since 1.0 has it.
 */
import { array, boolean, type Decoder, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { type Refusal, readJson, refusalOf } from './answer.ts'
import type { Kube } from './kube.ts'

export interface KindRef {
  readonly group: string
  /** Plural name. */
  readonly resource: string
  /** Absent = the version that the server prefers, or else the first one that has the resource. */
  readonly version?: string
}

/** A kind as the server serves it. */
export interface ResourceKind {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
}

export type Discovered =
  | { readonly kind: 'found'; readonly found: ResourceKind }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** No answer, or one that is no discovery document. */
  | { readonly kind: 'broken'; readonly why: unknown }

/** `/api/v1/services`, `/apis/apps/v1/deployments`: all objects of a kind, whatever their namespace. */
export const collectionPath = ({ group, version, resource }: Pick<ResourceKind, 'group' | 'version' | 'resource'>): string =>
  `${versionPath({ group, version })}/${resource}`

const versionPath = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? `/api/${version}` : `/apis/${group}/${version}`

const groupVersion = object({ version: string })
const groupList = object({
  groups: array(object({ name: string, versions: array(groupVersion), preferredVersion: optional(groupVersion) })),
})
const resourceList = object({
  resources: array(object({ name: string, kind: string, namespaced: boolean, verbs: array(string) })),
})

export interface DiscoverySettings {
  /** Longest time for one whole answer. @default 30 000 */
  readonly discoveryMs?: number
}

/** Rejects only with the reason of `signal`. */
export async function discover(
  kube: Pick<Kube, 'request'>,
  ref: KindRef,
  signal: AbortSignal,
  { discoveryMs = 30_000 }: DiscoverySettings = {},
): Promise<Discovered> {
  try {
    return await search({ kube, answerMs: discoveryMs, signal }, ref)
  } catch (why) {
    signal.throwIfAborted()
    return { kind: 'broken', why }
  }
}

interface Asking {
  readonly kube: Pick<Kube, 'request'>
  readonly answerMs: number
  readonly signal: AbortSignal
}

async function search(asking: Asking, ref: KindRef): Promise<Discovered> {
  const answer = await versionsOf(asking, ref)
  if (answer.kind === 'refused') return answer
  for (const version of answer.value) {
    const found = await findIn(asking, { ...ref, version })
    if (found.kind !== 'missing') return found
  }
  return { kind: 'missing' }
}

type Answer<T> = { readonly kind: 'answer'; readonly value: T } | { readonly kind: 'refused'; readonly refusal: Refusal }

/** Versions worth a look, the best first; none when the group is not served. */
async function versionsOf(asking: Asking, ref: KindRef): Promise<Answer<readonly string[]>> {
  if (ref.version !== undefined) return { kind: 'answer', value: [ref.version] }
  if (ref.group === '') return { kind: 'answer', value: ['v1'] }
  const answer = await get(asking, '/apis', groupList)
  if (answer.kind === 'refused') return answer
  const group = answer.value.groups.find(({ name }) => name === ref.group)
  const preferred = group?.preferredVersion === undefined ? [] : [group.preferredVersion.version]
  return { kind: 'answer', value: [...new Set([...preferred, ...(group?.versions ?? []).map(({ version }) => version)])] }
}

async function findIn(asking: Asking, ref: Required<KindRef>): Promise<Discovered> {
  const answer = await get(asking, versionPath(ref), resourceList)
  if (answer.kind === 'refused') return answer.refusal.status === 404 ? { kind: 'missing' } : answer
  const found = answer.value.resources.find(({ name }) => name === ref.resource)
  if (found === undefined) return { kind: 'missing' }
  const { kind, namespaced, verbs } = found
  return { kind: 'found', found: { ...ref, kind, namespaced, verbs } }
}

async function get<T>({ kube, answerMs, signal }: Asking, path: string, decoder: Decoder<T>): Promise<Answer<T>> {
  using limit = deadline(answerMs, { parent: signal, what: `asking for ${path}` })
  const response = await kube.request(path, { signal: limit.signal })
  if (response.status !== 200) return { kind: 'refused', refusal: await refusalOf(response) }
  return { kind: 'answer', value: decoder.decode(await readJson(response.body), path) }
}
