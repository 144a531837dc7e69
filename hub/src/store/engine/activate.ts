/**
 * Activation: the routes of a Snapshot become those that appends use. The same one again changes nothing.
 * Scans begin where an endpoint begins to hear what the hub holds already, and end with what they were for.
 */

import type { Activation } from '../store.ts'
import type { Audiences } from './audiences.ts'
import type { Contexts } from './contexts.ts'
import type { Endpoints } from './endpoints.ts'
import type { Log } from './log.ts'
import type { Patches } from './patches.ts'
import type { Plans } from './plans.ts'
import type { Scans } from './scans.ts'
import type { Stale } from './stale.ts'
import type { Subscription, Subscriptions } from './subscriptions.ts'

export interface ActivateDeps {
  readonly audiences: Audiences
  readonly contexts: Contexts
  readonly endpoints: Endpoints
  readonly log: Log
  readonly patches: Patches
  readonly plans: Plans
  readonly scans: Scans
  readonly stale: Stale
  readonly subscriptions: Subscriptions
  readonly now: () => number
}

export const createActivate =
  ({ audiences, contexts, endpoints, log, patches, plans, scans, stale, subscriptions, now }: ActivateDeps) =>
  (activation: Activation): void => {
    const { head } = log.totals()
    const changed = activation.clusters.filter((routes) => plans.put(routes))
    endpoints.replace(activation, { head, now: now() })
    const { began, ended } = subscriptions.replace(subscriptionsOf(activation), now())
    for (const each of ended) scans.cancel(each)
    for (const each of began) scans.begin(each)
    if (changed.length > 0) contexts.drop(head)
    stale.mark(activation, now())
    audiences.forget()
    patches.forget()
  }

const subscriptionsOf = ({ endpoints, clusters }: Activation): readonly Subscription[] => {
  const listed = new Set(endpoints)
  return clusters.flatMap(({ cluster, watches }) =>
    Object.entries(watches).flatMap(([watch, route]) =>
      route.endpoints.flatMap((endpoint) => (listed.has(endpoint) ? [{ cluster, endpoint, watch }] : [])),
    ),
  )
}
