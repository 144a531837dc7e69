/** The log of all requests that reached the simulator, so that a test can say "one watch per kind" or "nothing was listed". */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'other'

export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly verb: Verb
  /** `services`, `deployments.apps`; absent for discovery and the like. */
  readonly resource?: string
  readonly namespace?: string
  /** ms since 1970. */
  readonly at: number
}

export interface RequestFilter {
  readonly verb?: Verb
  readonly resource?: string
  readonly namespace?: string
}

export interface RequestLog {
  readonly all: readonly RecordedRequest[]
  count(filter?: RequestFilter): number
  /** Forgets what was recorded, so that a test counts from here. */
  clear(): void
}

export const matchesFilter = (request: RecordedRequest, { verb, resource, namespace }: RequestFilter): boolean =>
  (verb === undefined || request.verb === verb) &&
  (resource === undefined || request.resource === resource) &&
  (namespace === undefined || request.namespace === namespace)

export function requestLog(): RequestLog & { add(request: RecordedRequest): void } {
  const all: RecordedRequest[] = []
  return {
    all,
    count: (filter = {}) => all.filter((request) => matchesFilter(request, filter)).length,
    clear: () => {
      all.length = 0
    },
    add: (request) => {
      all.push(request)
    },
  }
}

const verbs: Readonly<Record<string, Verb>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

export function verbOf(method: string, named: boolean, query: Readonly<Record<string, string>>): Verb {
  if (method !== 'GET') return verbs[method] ?? 'other'
  if (query.watch === '1' || query.watch === 'true') return 'watch'
  return named ? 'get' : 'list'
}
