/**
 * The witness beside one endpoint: looks at every request and finds out what a receiver must never see.
 *
 *   altered       a request id with two bodies, or an event that differs from the time before; attempts that were not accepted count too (law 4).
 *                 Where no request is ever refused, an event also stays in its request: what is refused is sent again in halves
 *   out of order  the first delivery of an event of an object after a newer one's, or a new uid while the old one was not deleted (law 3)
 *   duplicates    events that were accepted before; they are allowed, in whole requests, a few for each time the hub died (law 4)
 *
 * When the hub's database was put back to an earlier copy, it cannot know what it sent since: `putBack` says so, and what is older is let pass.
 */
import { createHash } from 'node:crypto'
import type { Item, ReceivedRequest } from '../receiver.ts'

export interface Findings {
  /** Events, each counted once. */
  readonly delivered: number
  readonly duplicates: number
  /** Requests that were accepted again. */
  readonly repeated: number
  /** Events of before that a hub with an earlier database told once more, under ids of their own. */
  readonly retold: number
  /** One sentence each. */
  readonly altered: readonly string[]
  readonly outOfOrder: readonly string[]
  /** New objects that came before the old one of their name was deleted. */
  readonly overtaken: readonly Overtaken[]
}

interface Overtaken {
  /** Uid of the old one. */
  readonly uid: string
  readonly what: string
}

export interface Witness {
  /** `accepted`: the items that the receiver takes. */
  note(request: ReceivedRequest, accepted: readonly Item[]): void
  findings(): Findings
  /** Whether the change that gave the object this version arrived as a live event. */
  heardLive(cluster: string, resource: string, version: number): boolean
  putBack(): void
  /** All is quiet: what came before is not looked at again. Counts stay. */
  forget(): void
}

/** Told of what the endpoint may have already, with the number that it had. */
const scanned: readonly (string | undefined)[] = ['initial', 'resync', 'replay']
const live: readonly (string | undefined)[] = [undefined, 'in-scope', 'out-of-scope']

/** `refuses`: its receiver refuses requests. */
export function createWitness({ refuses }: { readonly refuses: boolean }): Witness {
  const altered: string[] = []
  const outOfOrder: string[] = []
  const overtaken: Overtaken[] = []
  /** By id: hashes of requests, and what was seen of events. */
  const bytesOf = new Map<string, string>()
  const seen = new Map<string, { readonly request: string; readonly text: string }>()
  const acceptedRequests = new Set<string>()
  const known = new Set<string>()
  /** By object: the newest sequence it was told of. */
  const newest = new Map<string, string>()
  /** By name: the uid that is there. */
  const holders = new Map<string, string>()
  const heard = new Set<string>()
  const counts = { delivered: 0, duplicates: 0, repeated: 0, retold: 0 }
  let last = ''
  /** What is not newer than this may come again. */
  let retoldUpTo = ''

  const compareRequest = (id: string, { raw, items }: ReceivedRequest) => {
    const hash = hashOf(raw)
    if ((bytesOf.get(id) ?? hash) !== hash) altered.push(`request ${id} came again with other bytes`)
    bytesOf.set(id, hash)
    for (const item of items) compareItem(id, item)
  }
  const compareItem = (id: string, item: Item) => {
    const { object, ...rest } = item.raw
    const text = JSON.stringify({ ...rest, object: hashOf(JSON.stringify(object)) })
    const before = seen.get(item.id)
    seen.set(item.id, { request: id, text })
    if (before === undefined) return
    if (before.text !== text)
      altered.push(`${told(item)} differs in request ${id} from request ${before.request}: ${before.text} became ${text}`)
    else if (before.request !== id && !refuses)
      altered.push(`${told(item)} came in request ${id} after it had come in request ${before.request}`)
  }

  const judgeOrder = (item: Item) => {
    const { key, sequence, reason, type } = item
    if (sequence <= retoldUpTo) {
      counts.retold++
      return
    }
    const before = newest.get(key) ?? ''
    const goesBack = scanned.includes(reason) ? sequence < before : sequence <= before
    if (goesBack) outOfOrder.push(`${told(item)} came after sequence ${before}`)
    else newest.set(key, sequence)
    const name = `${item.cluster} ${item.resource} ${item.namespace}/${item.name}`
    const holder = holders.get(name)
    if (type !== 'deleted') {
      if (holder !== undefined && holder !== key)
        overtaken.push({ uid: holder.slice(holder.indexOf('/') + 1), what: `${told(item)} came before ${holder} was deleted` })
      holders.set(name, key)
    } else if (holder === key) holders.delete(name)
  }

  const accept = (item: Item) => {
    if (item.sequence > last) last = item.sequence
    if (live.includes(item.reason)) heard.add(`${item.cluster} ${item.resource} ${versionOf(item)}`)
    if (known.has(item.id)) {
      counts.duplicates++
      return
    }
    known.add(item.id)
    counts.delivered++
    judgeOrder(item)
  }

  return {
    note: (request, accepted) => {
      const id = String(request.headers['webhook-id'])
      compareRequest(id, request)
      if (accepted.length === 0) return
      if (acceptedRequests.has(id)) counts.repeated++
      acceptedRequests.add(id)
      for (const item of accepted) accept(item)
    },
    findings: () => ({ ...counts, altered, outOfOrder, overtaken }),
    heardLive: (cluster, resource, version) => heard.has(`${cluster} ${resource} ${version}`),
    putBack: () => {
      retoldUpTo = last
      bytesOf.clear()
      seen.clear()
    },
    forget: () => {
      heard.clear()
    },
  }
}

const hashOf = (text = ''): string => createHash('sha1').update(text).digest('base64')

const told = ({ type, reason = 'live', cluster, resource, name, sequence }: Item): string =>
  `${type} (${reason}) of ${cluster} ${resource} ${name}, sequence ${sequence},`

function versionOf({ raw }: Item): string {
  const { resource } = raw
  return typeof resource === 'object' && resource !== null && 'resourceVersion' in resource
    ? String(resource.resourceVersion)
    : ''
}
