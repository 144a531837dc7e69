/**
 * Why an endpoint is told of an object, or is not: the config as it is live, what the cluster's agent says of the object now, and how it stands with
 * the endpoint. Nothing is changed by asking. When the agent cannot be asked, all that the hub alone knows is told, and that.
 */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { CurrentConfig } from '../config/current.ts'
import { type KindName, kindsOf, resolveKind } from '../config/kind-names.ts'
import type { Snapshot } from '../config/model.ts'
import { didYouMean } from '../config/nearest.ts'
import { planFor } from '../config/plan.ts'
import { isClusterScoped } from '../config/resources.ts'
import type { Delivery } from '../delivery/dispatcher.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { AgentAnswer } from '../fleet/questions.ts'
import type { Store } from '../store/store.ts'
import { clusterChecks } from './cluster-checks.ts'
import { endpointChecks } from './endpoint-checks.ts'
import type { Why, WhyAnswer, WhyEndpoint, WhyObject, WhyQuestion, WhyWatch } from './model.ts'
import type { Findings, Subject } from './subject.ts'
import { passes, verdictOn } from './verdict.ts'
import { watchChecks } from './watch-checks.ts'

export interface WhyParts {
  readonly config: Pick<CurrentConfig, 'snapshot'>
  readonly fleet: Pick<Fleet, 'ask' | 'clusters'>
  readonly delivery: Pick<Delivery, 'about'>
  readonly store: Pick<Store, 'stats' | 'deadLetters'>
}

/** Where kubectl looks when it is not told where. */
const defaultNamespace = 'default'
/** Endpoints that are told of when none is asked for. */
const maxEndpoints = 20
/** Dead letters of the object that are looked at. */
const maxLetters = 100

export function createWhy(parts: WhyParts): (question: WhyQuestion) => Promise<WhyAnswer> {
  const { config, fleet, store } = parts
  return async (question) => {
    const snapshot = config.snapshot()
    const { cluster, endpoint } = question
    const plan = snapshot && planFor(snapshot, cluster)
    if (snapshot === undefined || plan === undefined) return unknown('cluster', cluster, snapshot?.clusters.keys() ?? [])
    if (endpoint !== undefined && !snapshot.endpoints.has(endpoint))
      return unknown('endpoint', endpoint, snapshot.endpoints.keys())
    const resolved = resolveKind(question.resource, kindsOf(snapshot))
    if (resolved.kind === 'ambiguous') return { ...resolved, typed: question.resource }
    if (resolved.kind === 'unknown')
      return unknown('kind', question.resource, resolved.nearest === undefined ? [] : [resolved.nearest])
    const address = addressOf(resolved.found, question)
    const answer = await fleet.ask(cluster, address)
    const findings: Findings = { snapshot, plan, ...factsOf(answer, { ...address, cluster }) }
    const status = (await fleet.clusters(await store.stats())).find(({ name }) => name === cluster)
    const watches = watchesOf(snapshot, findings, endpoint)
    const subject = findings.subject
    const why = {
      cluster,
      resource: resourceName(subject),
      namespace: subject.namespace,
      name: subject.name,
      ...(endpoint !== undefined && { endpoint }),
      object: objectOf(findings),
      clusterChecks: clusterChecks(status, findings),
      watches,
      endpoints: await endpointsOf(parts, findings, endpoint === undefined ? namedBy(watches) : [endpoint]),
    } satisfies Omit<Why, 'told' | 'verdict'>
    return { kind: 'explained', why: { ...why, ...verdictOn(why) } }
  }
}

const unknown = (what: string, name: string, known: Iterable<string>): WhyAnswer => ({
  kind: 'unknown',
  what,
  name,
  hint: didYouMean(name, known),
})

const addressOf = (kind: KindName, { namespace = defaultNamespace, name }: WhyQuestion) => ({
  ...kind,
  namespace: isClusterScoped(kind) ? '' : namespace,
  name,
})

type Address = ReturnType<typeof addressOf> & { readonly cluster: string }

/** The API server knows best whether the kind has namespaces, and in which version it serves it. */
function factsOf(answer: AgentAnswer, address: Address): Pick<Findings, 'subject' | 'streams' | 'agentPlan' | 'silence'> {
  const streams = answer.kind === 'answered' ? answer.explanation.streams : []
  const served = streams.find(({ kind }) => kind !== undefined)?.kind
  const namespaced = served?.namespaced ?? !isClusterScoped(address)
  const subject: Subject = {
    ...address,
    namespace: namespaced ? address.namespace : '',
    namespaced,
    ...(served !== undefined && { version: served.version }),
  }
  return { subject, streams, ...(answer.kind === 'silent' ? { silence: answer.why } : { agentPlan: answer.explanation.plan }) }
}

const watchesOf = (snapshot: Snapshot, findings: Findings, endpoint: string | undefined): readonly WhyWatch[] =>
  [...snapshot.watches.values()]
    .filter(({ endpoints }) => endpoint === undefined || endpoints.includes(endpoint))
    .map((watch) => ({ watch: watch.name, endpoints: watch.endpoints, checks: watchChecks(watch, findings, endpoint) }))

/** By watches that the object matches, as far as is known. */
const namedBy = (watches: readonly WhyWatch[]): readonly string[] =>
  [...new Set(watches.filter(passes).flatMap(({ endpoints }) => endpoints))].sort().slice(0, maxEndpoints)

function objectOf({ streams, silence }: Findings): WhyObject {
  if (silence !== undefined) return { state: 'unknown', detail: silence }
  const present = streams.find(({ object }) => object !== undefined)?.object
  if (present !== undefined) {
    const { uid, resourceVersion } = present
    return { state: 'present', detail: `resourceVersion ${resourceVersion}, uid ${uid}`, uid, resourceVersion }
  }
  if (streams.some(({ found }) => found === 'absent')) return { state: 'absent', detail: 'the API server has no such object' }
  const [stream] = streams
  return { state: 'unknown', detail: stream?.problem ?? 'not looked at: no watch that is for this cluster is about this kind' }
}

async function endpointsOf(
  { delivery, store }: WhyParts,
  findings: Findings,
  names: readonly string[],
): Promise<readonly WhyEndpoint[]> {
  const { subject, snapshot } = findings
  const { cluster, namespace, name } = subject
  const all = names.flatMap((each) => snapshot.endpoints.get(each) ?? [])
  return Promise.all(
    all.map(async (config) => {
      const of = { endpoint: config.name, cluster, resource: resourceName(subject), name, ...(namespace !== '' && { namespace }) }
      const [now, { letters }] = await Promise.all([
        delivery.about(config.name, subject),
        store.deadLetters({ ...of, limit: maxLetters }),
      ])
      const facts = { config, letters, ...(now !== undefined && { now }) }
      return { endpoint: config.name, checks: endpointChecks(facts, subject, snapshot) }
    }),
  )
}
