/** The one sentence at the end: told by which watch to whom, or not told and what to look at first. */
import type { Check, Why, WhyEndpoint, WhyWatch } from './model.ts'

export type Verdict = Pick<Why, 'told' | 'verdict' | 'at'>

const firstNo = (checks: readonly Check[]): Check | undefined => checks.find(({ mark }) => mark === 'no')

/** Nothing that is known keeps its objects back. */
export const passes = ({ checks }: { readonly checks: readonly Check[] }): boolean => firstNo(checks) === undefined

/** What people can put right comes first: the config, then whether the object is there, then the cluster, then the endpoint. */
export function verdictOn(why: Omit<Why, keyof Verdict>): Verdict {
  const matching = why.watches.filter(passes)
  if (matching.length === 0) return noWatch(why)
  const { object, cluster } = why
  if (object.state === 'absent') return { told: false, verdict: `not told: ${nameOf(why)} does not exist in ${cluster}` }
  const ill = firstNo(why.clusterChecks)
  if (ill !== undefined) return because(`${ill.about} of the cluster ${cluster}`, ill)
  return delivered(matching, why)
}

const because = (what: string, { detail, at }: Check): Verdict => ({
  told: false,
  verdict: `not told: ${what}: ${detail}`,
  ...(at !== undefined && { at }),
})

const nameOf = ({ resource, namespace, name }: Pick<Why, 'resource' | 'namespace' | 'name'>): string =>
  `${resource} ${namespace === '' ? name : `${namespace}/${name}`}`

/** The watch that came closest is the one that was meant. */
function noWatch({ watches, endpoint, resource }: Pick<Why, 'watches' | 'endpoint' | 'resource'>): Verdict {
  const naming = endpoint === undefined ? 'no watch' : `no watch that names the endpoint ${endpoint}`
  const [nearest] = watches.toSorted((a, b) => distance(b) - distance(a))
  if (nearest === undefined)
    return {
      told: false,
      verdict: `not told: ${endpoint === undefined ? 'there is no watch' : `no watch names the endpoint ${endpoint}`}`,
    }
  const failed = firstNo(nearest.checks)
  if (failed === undefined || failed.about === 'resources') {
    const at = watches.length === 1 && failed?.at !== undefined && { at: failed.at }
    return { told: false, verdict: `not told: ${naming} names the kind ${resource}`, ...at }
  }
  const whose = failed.about === 'ignoreNamespaces' ? 'Settings' : `the watch ${nearest.watch}`
  return because(`${failed.about} of ${whose}`, failed)
}

/** How many conditions hold before the first that does not. */
const distance = ({ checks }: WhyWatch): number => checks.findIndex(({ mark }) => mark === 'no')

function delivered(matching: readonly WhyWatch[], why: Omit<Why, keyof Verdict>): Verdict {
  const pairs = matching.flatMap((watch) =>
    why.endpoints.filter(({ endpoint }) => watch.endpoints.includes(endpoint)).map((endpoint) => ({ watch, endpoint })),
  )
  const open = pairs.find(({ endpoint }) => passes(endpoint))
  if (open !== undefined) return told(open.watch, open.endpoint, why)
  const [shut] = pairs
  const failed = shut && firstNo(shut.endpoint.checks)
  if (shut === undefined || failed === undefined) return { told: false, verdict: 'not told: no endpoint is named' }
  return because(`${failed.about} of the endpoint ${shut.endpoint.endpoint}`, failed)
}

function told(watch: WhyWatch, { endpoint, checks }: WhyEndpoint, { object, clusterChecks }: Omit<Why, keyof Verdict>): Verdict {
  const route = `the watch ${watch.watch} tells ${endpoint} of it`
  if (object.state === 'unknown') return { told: false, verdict: `nobody can say whether ${route}: ${object.detail}` }
  const doubt = [...watch.checks, ...clusterChecks, ...checks].find(({ mark }) => mark === 'unknown')
  const filter = watch.checks.find(({ about }) => about === 'events')
  if (doubt === undefined) return { told: true, verdict: `told: ${route}${filter === undefined ? '' : `, ${filter.detail}`}` }
  const at = doubt.at !== undefined && { at: doubt.at }
  return { told: false, verdict: `nobody can say whether ${route}: ${doubt.about}: ${doubt.detail}`, ...at }
}
