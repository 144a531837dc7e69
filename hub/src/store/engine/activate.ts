/**
 * Activation: the routes of a Snapshot become those that appends use. The same one again changes nothing.
 * Scans begin where an endpoint begins to hear what the hub holds already, and end with what they were for. Where an endpoint wants to be told
 * what a commit takes from it, that begins here (removals.ts).
 */

import type { Activation } from '../store.ts'
import type { Audiences } from './audiences.ts'
import type { Contexts } from './contexts.ts'
import type { Endpoints } from './endpoints.ts'
import type { Guards } from './guards.ts'
import type { Log } from './log.ts'
import { createLosses } from './losses.ts'
import type { Patches } from './patches.ts'
import { kindsIn, type Plans } from './plans.ts'
import type { Removals } from './removals.ts'
import type { Scans } from './scans.ts'
import type { Stale } from './stale.ts'
import type { Hearing, Subscription, Subscriptions } from './subscriptions.ts'

export interface ActivateDeps {
  readonly audiences: Audiences
  readonly contexts: Contexts
  readonly endpoints: Endpoints
  readonly guards: Guards
  readonly log: Log
  readonly patches: Patches
  readonly plans: Plans
  readonly removals: Removals
  readonly scans: Scans
  readonly stale: Stale
  readonly subscriptions: Subscriptions
  readonly now: () => number
}

export const createActivate =
  (deps: ActivateDeps) =>
  (activation: Activation): void => {
    const { audiences, contexts, endpoints, guards, log, patches, plans, removals, scans, stale, subscriptions, now } = deps
    const { head } = log.totals()
    const losses = createLosses(activation, plans)
    const changed = activation.clusters.filter((routes) => plans.put(routes, activation.commit))
    endpoints.replace(activation, { head, now: now() })
    guards.follow(activation)
    const wanted = subscriptionsOf(activation)
    const { began, widened, stopped, ended } = subscriptions.replace(wanted, { resting: restingOf(activation), now: now() })
    // Also one that nobody hears: its objects are matched and kept.
    subscriptions.leaveBehind(
      activation.clusters.flatMap(({ cluster, watches }) => Object.keys(watches).map((watch) => ({ cluster, watch }))),
    )
    for (const each of stopped) scans.cancel(each)
    removals.drop(new Set(activation.unwatched))
    const back = removals.undo(isHeard(activation))
    for (const each of began) scans.begin(each)
    for (const each of widened) scans.widen(each)
    for (const each of back) scans.repeat(each)
    for (const each of losses.of({ ended, stay: wanted })) removals.begin(each)
    if (changed.length > 0) contexts.drop(head)
    stale.mark(activation, now())
    audiences.forget()
    patches.forget()
    removals.ripen()
    guards.review()
  }

const subscriptionsOf = ({ endpoints, clusters }: Activation): readonly Hearing[] => {
  const listed = new Set(endpoints)
  return clusters.flatMap((routes) =>
    Object.entries(routes.watches).flatMap(([watch, route]) => {
      const pair = { cluster: routes.cluster, watch, kinds: kindsIn(routes, watch) }
      return route.endpoints.flatMap((endpoint) => (listed.has(endpoint) ? [{ ...pair, endpoint }] : []))
    }),
  )
}

const restingOf = ({ resting = [] }: Activation): readonly Subscription[] =>
  resting.flatMap(({ watch, clusters, endpoints }) =>
    clusters.flatMap((cluster) => endpoints.map((endpoint) => ({ cluster, endpoint, watch }))),
  )

/** Says whether an endpoint hears a kind by a watch. */
function isHeard({ endpoints, clusters }: Activation) {
  const listed = new Set(endpoints)
  const routes = new Map(clusters.map((each) => [each.cluster, each]))
  return ({ endpoint, cluster, watch, kind }: Subscription & { readonly kind: string }): boolean => {
    const of = routes.get(cluster)
    if (of === undefined || !listed.has(endpoint)) return false
    return of.watches[watch]?.endpoints.includes(endpoint) === true && kindsIn(of, watch).includes(kind)
  }
}
