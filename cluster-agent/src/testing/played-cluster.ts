/** A cluster on top of `scriptedKube`: discovery and lists are answered from what the test put there, watches are handed to the test. */
import { coreResources, list, status } from './objects.ts'
import { type Exchange, type OpenBody, scriptedKube } from './scripted-kube.ts'

type Item = Readonly<Record<string, unknown>>

export interface PlayedWatch extends OpenBody {
  readonly exchange: Exchange
}

export interface PlayedCluster {
  readonly request: ReturnType<typeof scriptedKube>['request']
  /** What a list shows, by resource. */
  readonly objects: Map<string, readonly Item[]>
  /** Resources that answer 403. */
  readonly forbidden: Set<string>
  /** How often each resource was listed. */
  readonly lists: Map<string, number>
  /** The next watch of the resource that was opened, in order; waits for it. */
  watch(resource: string): Promise<PlayedWatch>
}

/** `version`: of every list. */
export function playedCluster({ version = '100' }: { readonly version?: string } = {}): PlayedCluster {
  const api = scriptedKube()
  const objects = new Map<string, readonly Item[]>()
  const forbidden = new Set<string>()
  const lists = new Map<string, number>()
  const opened = new Map<string, PlayedWatch[]>()
  const looking = new Map<string, ((watch: PlayedWatch) => void)[]>()

  const answer = (exchange: Exchange) => {
    const resource = /^\/api\/v1\/([a-z]+)/.exec(exchange.path)?.[1]
    if (resource === undefined) return exchange.answer(200, coreResources)
    if (forbidden.has(resource)) return exchange.answer(403, status(403, 'Forbidden'))
    if (exchange.query.get('watch') !== 'true') {
      lists.set(resource, (lists.get(resource) ?? 0) + 1)
      return exchange.answer(200, list(objects.get(resource) ?? [], { version }))
    }
    const watch = Object.assign(exchange.open(), { exchange })
    const looker = looking.get(resource)?.shift()
    if (looker !== undefined) looker(watch)
    else opened.set(resource, [...(opened.get(resource) ?? []), watch])
  }
  const play = async () => {
    for (;;) answer(await api.next())
  }
  void play()

  return {
    request: api.request,
    objects,
    forbidden,
    lists,
    watch: (resource) =>
      new Promise((resolve) => {
        const watch = opened.get(resource)?.shift()
        if (watch !== undefined) resolve(watch)
        else looking.set(resource, [...(looking.get(resource) ?? []), resolve])
      }),
  }
}
