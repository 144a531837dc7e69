/** Answers a list: pages come out piece by piece, at the pace of the connection. */
import type { ServerResponse } from 'node:http'
import type { ApiParts, Asked } from './api.ts'
import { type Call, numberOf } from './http.ts'
import type { Page } from './list.ts'
import { apiVersion } from './resources.ts'
import { selectionOf } from './selection.ts'
import { tooLarge } from './status.ts'
import type { Table } from './table.ts'

export async function answerList(parts: ApiParts, { response, query }: Call, { table, target, hideAll }: Asked): Promise<void> {
  const { store, lists } = parts
  const asked = numberOf(query.resourceVersion) ?? 0
  if (asked > store.version) throw tooLarge(asked, store.version)
  const selects = hideAll ? () => false : selectionOf({ ...query, namespace: target.namespace })
  const page = lists.page(table, store.version, {
    selects,
    limit: numberOf(query.limit) ?? 0,
    token: query.continue || undefined,
  })
  response.writeHead(200, { 'content-type': 'application/json' })
  for (const piece of listJson(page, table, target.version)) {
    if (response.destroyed) return
    parts.faults.write(response, piece)
    if (response.writableNeedDrain) await drained(response)
  }
  response.end()
}

/** Pieces of about this many characters. */
const pieceSize = 256 * 1024

function* listJson(page: Page, table: Table, version: string): Generator<string> {
  const { definition } = table
  const metadata = {
    resourceVersion: String(page.resourceVersion),
    ...(page.token === undefined ? {} : { continue: page.token }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  }
  let piece = `{"kind":"${definition.kind}List","apiVersion":"${apiVersion(definition.group, version)}","metadata":${JSON.stringify(metadata)},"items":[`
  let separator = ''
  for (const state of page.states) {
    piece += separator + table.itemJson(state, version)
    separator = ','
    if (piece.length < pieceSize) continue
    yield piece
    piece = ''
  }
  yield `${piece}]}\n`
}

/** Also resolves when the connection is gone. */
const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
