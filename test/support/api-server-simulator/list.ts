/**
 * Lists: a page at a time from a snapshot that does not change between pages, until the history is compacted. The snapshot of a list costs
 * nothing but a reference, for states are immutable.
 */
import type { Selects } from './selection.ts'
import { badRequest, expiredContinue } from './status.ts'
import type { State } from './store.ts'
import type { Table } from './table.ts'

interface ListRequest {
  readonly selects: Selects | undefined
  /** 0 = all. */
  readonly limit: number
  /** Token of the page before. */
  readonly token: string | undefined
}

export interface Page {
  readonly states: readonly State[]
  readonly resourceVersion: number
  /** Absent on the last page. */
  readonly token?: string
  readonly remaining?: number
}

interface Snapshot {
  readonly states: readonly State[]
  readonly version: number
}

export interface Lists {
  /** Throws ApiError. */
  page(table: Table, version: number, request: ListRequest): Page
  /** Continue tokens that are out are expired from now on. */
  expire(): void
}

/** Snapshots that are kept for pages to come; the oldest goes first. */
const keptSnapshots = 64

export function createLists(): Lists {
  const snapshots = new Map<string, Snapshot>()
  let created = 0

  const begin = (table: Table, version: number, selects: Selects | undefined): [id: string, snapshot: Snapshot] => {
    const all = table.snapshot()
    const snapshot = { states: selects === undefined ? all : all.filter(selects), version }
    return [String(++created), snapshot]
  }

  const proceed = (token: string): [id: string, snapshot: Snapshot, start: number] => {
    const { id, start } = decodeToken(token)
    const snapshot = snapshots.get(id)
    if (snapshot === undefined) throw expiredContinue()
    return [id, snapshot, start]
  }

  return {
    page: (table, version, { selects, limit, token }) => {
      const [id, snapshot, start = 0] = token === undefined ? begin(table, version, selects) : proceed(token)
      const end = limit === 0 ? snapshot.states.length : start + limit
      const remaining = snapshot.states.length - end
      const page = { states: snapshot.states.slice(start, end), resourceVersion: snapshot.version }
      if (remaining <= 0) return page
      snapshots.set(id, snapshot)
      for (const oldest of snapshots.keys()) if (snapshots.size > keptSnapshots) snapshots.delete(oldest)
      return { ...page, token: encodeToken(id, end), ...(selects === undefined ? { remaining } : {}) }
    },
    expire: () => snapshots.clear(),
  }
}

const encodeToken = (id: string, start: number): string => Buffer.from(`${id} ${start}`).toString('base64url')

function decodeToken(token: string): { readonly id: string; readonly start: number } {
  const [id, start] = Buffer.from(token, 'base64url').toString().split(' ')
  if (id === undefined || !/^[0-9]+$/.test(start ?? '')) throw badRequest('continue key is not valid')
  return { id, start: Number(start) }
}
