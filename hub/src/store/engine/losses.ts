/** What a commit takes from endpoints that are told so: pairs that end, with the kinds that they had, and kinds of pairs that go on. */
import type { Activation } from '../store.ts'
import { kindsIn, type PlanRoutes, type Plans } from './plans.ts'
import type { Removal } from './removals.ts'
import type { Subscription } from './subscriptions.ts'

export interface Losses {
  /** Once the routes and subscriptions of the activation are in force. */
  of(pairs: { readonly ended: readonly Subscription[]; readonly stay: readonly Subscription[] }): readonly Removal[]
}

/** Before they are: what there was is read here. */
export function createLosses({ unwatched = [], endpoints, clusters }: Activation, plans: Plans): Losses {
  const told = new Set(endpoints).intersection(new Set(unwatched))
  const former = new Map<string, PlanRoutes | undefined>(
    told.size === 0 ? [] : clusters.map(({ cluster }) => [cluster, plans.current(cluster)]),
  )
  const now = new Map(clusters.map((routes) => [routes.cluster, routes]))
  /** A watch that was paused is in no plan of late. */
  const hadKinds = ({ cluster, watch }: Subscription): readonly string[] => {
    const plan = former.has(cluster) ? former.get(cluster) : plans.current(cluster)
    const having = plan?.watches.has(watch) ? plan : plans.lastWith(cluster, watch)
    return having === undefined ? [] : kindsIn(having.routes, watch)
  }
  const lostKinds = (pair: Subscription): readonly string[] => {
    const { cluster, endpoint, watch } = pair
    const plan = former.get(cluster)
    const routes = now.get(cluster)
    if (plan === undefined || routes === undefined || !plan.watches.get(watch)?.endpoints.includes(endpoint)) return []
    const kept = kindsIn(routes, watch)
    return kindsIn(plan.routes, watch).filter((kind) => !kept.includes(kind))
  }
  const removalsOf = (pairs: readonly Subscription[], kinds: (pair: Subscription) => readonly string[]) =>
    pairs
      .filter(({ endpoint }) => told.has(endpoint))
      .flatMap((pair) => kinds(pair).map((kind) => ({ cluster: pair.cluster, endpoint: pair.endpoint, watch: pair.watch, kind })))
  return { of: ({ ended, stay }) => [...removalsOf(ended, hadKinds), ...removalsOf(stay, lostKinds)] }
}
