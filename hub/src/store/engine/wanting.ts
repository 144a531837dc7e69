/** Which other watches an endpoint has that may want what one of its watches leaves behind. */
import { kindsIn, type Plans } from './plans.ts'
import type { Removal } from './removals.ts'
import type { Subscriptions } from './subscriptions.ts'

export type Wanting = (removal: Removal) => readonly string[]

/** Those that it hears of the kind, and those that are paused, which give nothing away. */
export const createWanting =
  ({ plans, subscriptions }: { readonly plans: Plans; readonly subscriptions: Subscriptions }): Wanting =>
  ({ endpoint, cluster, watch, kind }) => {
    const { active, resting } = subscriptions.heardNow(endpoint, cluster)
    const plan = plans.current(cluster)
    const own = [...active].filter((each) => each !== watch && plan !== undefined && kindsIn(plan.routes, each).includes(kind))
    return [...own, ...resting]
  }
