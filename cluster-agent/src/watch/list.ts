/**
 * A consistent list of one kind, page by page: no `resourceVersion`, so the server reads its database and never its cache (law 2).
 *
 * All pages of a list show the same moment, the one of its version, and the watch that follows begins there. A list that did not come to
 * `complete` proves nothing: what it lacks may exist. When the server forgets that moment between two pages (410), the list begins again.
 * Pages are kept small by bytes, not only by objects, so that a kind with large objects needs no more memory than others.
 */

import { decodeKubeObject, type KubeObject, withType } from '@watch-hub/shared/pipeline/object'
import { array, integer, json, object, optional, string } from '@watch-hub/shared/protocol/decode'
import { inflatedBytes } from '@watch-hub/shared/protocol/limits'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { parseJson, type Refusal, readBody, refusalOf } from './answer.ts'
import { collectionPath, type ResourceKind } from './discovery.ts'
import type { Kube } from './kube.ts'

export interface ListPage {
  readonly objects: readonly KubeObject[]
  /** A list begins with this page: forget the pages before it. */
  readonly first: boolean
  /** Objects after this page, as far as the server tells. */
  readonly remaining: number
}

export type ListEnd =
  | { readonly kind: 'complete'; readonly resourceVersion: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** No answer, or one that broke off or made no sense. */
  | { readonly kind: 'broken'; readonly why: unknown }

export interface ListSettings {
  /** Most objects of one page. @default 500 */
  readonly pageObjects?: number
  /** Pages are asked for in such numbers that they come near this. @default 1 MiB */
  readonly pageBytes?: number
  /** Longest wait for a whole page. @default 60 000 */
  readonly pageMs?: number
  /** How often one list begins again because its moment was forgotten. @default 3 */
  readonly restarts?: number
}

const listBody = object({
  metadata: object({ resourceVersion: string, continue: optional(string), remainingItemCount: optional(integer) }),
  items: array(json),
})

/** A page so many times `pageBytes` is not read: it is asked for again in smaller parts. */
const tooLarge = 8

/** Throws only the reason of `signal`. */
export async function* listPages(
  kube: Pick<Kube, 'request'>,
  kind: ResourceKind,
  signal: AbortSignal,
  settings: ListSettings = {},
): AsyncGenerator<ListPage, ListEnd> {
  const { pageObjects = 500, pageBytes = 1024 * 1024, pageMs = 60_000, restarts = 3 } = settings
  let limit = pageObjects
  let token = ''
  let version = ''
  let left = restarts
  for (;;) {
    const maxBytes = limit === 1 ? inflatedBytes : pageBytes * tooLarge
    const page = await readPage(kube, kind, { limit, token, maxBytes, pageMs }, signal)
    if (page.kind === 'too-large' && limit > 1) limit = Math.max(1, Math.floor(limit / tooLarge))
    else if (page.kind === 'refused' && page.refusal.status === 410 && token !== '' && left-- > 0) token = ''
    else if (page.kind !== 'page') return page.kind === 'too-large' ? { kind: 'broken', why: new Error(page.why) } : page
    else {
      const first = token === ''
      // Should pages differ, the oldest version is the one from which a watch misses nothing.
      if (first) version = page.resourceVersion
      yield { objects: page.objects, first, remaining: page.remaining }
      token = page.token
      if (token === '') return { kind: 'complete', resourceVersion: version }
      if (page.objects.length > 0)
        limit = Math.max(1, Math.min(pageObjects, Math.floor((page.objects.length * pageBytes) / page.bytes)))
    }
  }
}

interface PageRequest {
  readonly limit: number
  /** Of the page before; empty for the first. */
  readonly token: string
  readonly maxBytes: number
  readonly pageMs: number
}

type Page =
  | {
      readonly kind: 'page'
      readonly objects: readonly KubeObject[]
      readonly resourceVersion: string
      readonly token: string
      readonly remaining: number
      readonly bytes: number
    }
  | { readonly kind: 'too-large'; readonly why: string }
  | Exclude<ListEnd, { kind: 'complete' }>

async function readPage(kube: Pick<Kube, 'request'>, kind: ResourceKind, of: PageRequest, signal: AbortSignal): Promise<Page> {
  const path = `${collectionPath(kind)}?limit=${of.limit}${of.token === '' ? '' : `&continue=${encodeURIComponent(of.token)}`}`
  using limit = deadline(of.pageMs, { parent: signal, what: `a page of ${kind.resource}` })
  try {
    const response = await kube.request(path, { signal: limit.signal })
    if (response.status !== 200) return { kind: 'refused', refusal: await refusalOf(response) }
    const bytes = await readBody(response.body, of.maxBytes)
    if (bytes === undefined)
      return { kind: 'too-large', why: `expected at most ${of.maxBytes} bytes for ${of.limit} ${kind.resource}, got more` }
    return { kind: 'page', ...decodePage(bytes, kind), bytes: bytes.length }
  } catch (why) {
    signal.throwIfAborted()
    return { kind: 'broken', why }
  }
}

function decodePage(bytes: Buffer, kind: ResourceKind) {
  const { metadata, items } = listBody.decode(parseJson(bytes.toString()))
  const type = { apiVersion: apiVersionOf(kind), kind: kind.kind }
  return {
    objects: items.map((item) => withType(decodeKubeObject(item), type)),
    resourceVersion: metadata.resourceVersion,
    token: metadata.continue ?? '',
    remaining: metadata.remainingItemCount ?? 0,
  }
}

const apiVersionOf = ({ group, version }: ResourceKind): string => (group === '' ? version : `${group}/${version}`)
