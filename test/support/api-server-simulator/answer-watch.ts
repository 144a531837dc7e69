/** Answers a watch: from where it starts, and whether it starts at all. */
import type { ServerResponse } from 'node:http'
import type { ApiParts, ApiSettings, Asked } from './api.ts'
import { type Call, numberOf, sendErrorEvent } from './http.ts'
import { selectionOf } from './selection.ts'
import { type ApiError, expiredVersion, invalid, tooLarge } from './status.ts'
import type { WatchSettings } from './watch.ts'

export function answerWatch(parts: ApiParts, { response, query }: Call, { table, target }: Asked): void {
  const { store, watches, settings } = parts
  const selects = selectionOf({
    ...query,
    namespace: target.namespace,
    ...(target.name === undefined ? {} : byName(target.name)),
  })
  const streaming = wantsStreaming(query, settings)
  const from = numberOf(query.resourceVersion) ?? 0
  if (settings.futureVersions === 'refused' && from > store.version) throw tooLarge(from, store.version)
  const initial = () => {
    const states = selects === undefined ? table.snapshot() : table.snapshot().filter(selects)
    return { states, version: store.version, endBookmark: streaming }
  }
  const watch: WatchSettings = {
    table,
    version: target.version,
    selects,
    bookmarks: query.allowWatchBookmarks === 'true' || query.allowWatchBookmarks === '1',
    from,
    ...(from === 0 || streaming ? { initial: initial() } : {}),
  }
  if (watch.initial === undefined && from < table.oldest) expire(parts, response, expiredVersion(from, table.oldest))
  else watches.open(watch, response, numberOf(query.timeoutSeconds))
}

const byName = (name: string) => ({ fieldSelector: `metadata.name=${name}` })

function wantsStreaming(query: Call['query'], { streamingLists }: ApiSettings): boolean {
  if (query.sendInitialEvents !== 'true' || streamingLists === 'ignored') return false
  if (streamingLists === 'refused')
    throw invalid(
      'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
    )
  if (query.resourceVersionMatch !== 'NotOlderThan')
    throw invalid('resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
  return true
}

function expire({ expiredAs }: ApiParts, response: ServerResponse, error: ApiError): void {
  if (expiredAs() === 'status') throw error
  sendErrorEvent(response, error)
}
