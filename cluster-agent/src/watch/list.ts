/**
 * A consistent list of one kind, page by page: no `resourceVersion`, so the server reads its database and never its cache (law 2).
 *
 * All pages of a list show the same moment, the one of its version, and the watch that follows begins there. A list that did not come to
 * `complete` proves nothing: what it lacks may exist. When the server forgets that moment between two pages (410), the list begins again.
 * Objects are handed on as they arrive and nothing is kept, so memory depends neither on the pages nor on how many objects there are.
 */

import { decodeKubeObject, type KubeObject, withType } from '@watch-hub/shared/pipeline/object'
import { array, integer, isRecord, json, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { parseJson, type Refusal, refusalOf } from './answer.ts'
import { collectionPath, type ResourceKind } from './discovery.ts'
import type { Kube } from './kube.ts'
import { listBody } from './list-body.ts'

export interface ListPart {
  readonly objects: readonly KubeObject[]
  /** A list begins with this part: forget the parts before it. */
  readonly first: boolean
  /** Objects after this part, as far as the server tells. Only the last part of a page says so. */
  readonly remaining?: number
}

export type ListEnd =
  | { readonly kind: 'complete'; readonly resourceVersion: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** No answer, or one that broke off or made no sense. */
  | { readonly kind: 'broken'; readonly why: unknown }

export interface ListSettings {
  /** Most objects of one page. @default 500 */
  readonly pageObjects?: number
  /** Longest time in which nothing comes. @default 60 000 */
  readonly listStallMs?: number
  /** How often one list begins again because its moment was forgotten. @default 3 */
  readonly listRestarts?: number
}

interface PageEnd {
  readonly kind: 'page'
  readonly resourceVersion: string
  /** Of the next page; empty = there is none. */
  readonly token: string
}

/** Throws only the reason of `signal`. */
export async function* listParts(
  kube: Pick<Kube, 'request'>,
  kind: ResourceKind,
  signal: AbortSignal,
  settings: ListSettings = {},
): AsyncGenerator<ListPart, ListEnd> {
  const { pageObjects = 500, listStallMs = 60_000, listRestarts = 3 } = settings
  let token = ''
  let version = ''
  let left = listRestarts
  for (;;) {
    const page = yield* pageParts(kube, kind, { limit: pageObjects, token, stallMs: listStallMs }, signal)
    if (page.kind === 'refused' && page.refusal.status === 410 && token !== '' && left-- > 0) token = ''
    else if (page.kind !== 'page') return page
    else {
      // Should pages differ, the oldest version is the one from which a watch misses nothing.
      if (token === '') version = page.resourceVersion
      token = page.token
      if (token === '') return { kind: 'complete', resourceVersion: version }
    }
  }
}

interface PageRequest {
  readonly limit: number
  /** Empty for the first page. */
  readonly token: string
  readonly stallMs: number
}

async function* pageParts(
  kube: Pick<Kube, 'request'>,
  kind: ResourceKind,
  { limit, token, stallMs }: PageRequest,
  signal: AbortSignal,
): AsyncGenerator<ListPart, PageEnd | Exclude<ListEnd, { kind: 'complete' }>> {
  const path = `${collectionPath(kind)}?limit=${limit}${token === '' ? '' : `&continue=${encodeURIComponent(token)}`}`
  using stall = deadline(stallMs, { parent: signal, what: `waiting for a list of ${kind.resource}` })
  const type = { apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind }
  try {
    const response = await kube.request(path, { signal: stall.signal })
    if (response.status !== 200) return { kind: 'refused', refusal: await refusalOf(response) }
    const body = listBody()
    let first = token === ''
    for await (const chunk of response.body) {
      const objects = body.push(chunk).map((text) => withType(decodeKubeObject(parseJson(text)), type))
      if (objects.length > 0) yield { objects, first }
      first &&= objects.length === 0
      stall.reset()
    }
    const { resourceVersion, continue: next = '', remainingItemCount: remaining = 0 } = decodeRest(body.end())
    yield { objects: [], first, remaining }
    return { kind: 'page', resourceVersion, token: next }
  } catch (why) {
    signal.throwIfAborted()
    return { kind: 'broken', why }
  }
}

const rest = object({
  metadata: object({ resourceVersion: string, continue: optional(string), remainingItemCount: optional(integer) }),
  items: optional(array(json)),
})

/** `items` is null where a server has none. */
function decodeRest(text: string) {
  const list = parseJson(text)
  return rest.decode(isRecord(list) && list.items === null ? { ...list, items: [] } : list).metadata
}
