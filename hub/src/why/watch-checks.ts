/**
 * Every condition of one watch. What the names alone decide is judged here, by the code that agents match with; what needs the object is the
 * agent's word.
 */
import { type Condition, type Named, nameConditions } from '@watch-hub/shared/pipeline/conditions'
import { verdictOf } from '@watch-hub/shared/pipeline/match'
import type { ConditionVerdict, StreamVerdict } from '@watch-hub/shared/protocol/explain'
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { SourceRef, WatchConfig } from '../config/model.ts'
import type { Check, Mark } from './model.ts'
import { check, type Findings, listed, yesOrNo } from './subject.ts'

/** Beside the conditions of matching: whether it names the endpoint, where one is asked for. */
export function watchChecks(watch: WatchConfig, findings: Findings, endpoint?: string): readonly Check[] {
  const at = (field: string): SourceRef => findings.snapshot.places.watches.get(watch.name)?.[field] ?? watch.at
  const kind = resourceName(findings.subject)
  const names = watch.resources.map(resourceName)
  const resources = check('resources', yesOrNo(names.includes(kind)), listed(names), at('resources'))
  if (!names.includes(kind)) return [resources] // nothing else is about this object
  const { cluster } = findings.subject
  const here = watch.clusters.includes(cluster)
  const paused = watch.paused ? [check('paused', 'no', 'the watch rests: it is as if it did not exist', at('paused'))] : []
  const clusters = check('clusters', yesOrNo(here), here ? cluster : `it is for ${listed(watch.clusters)}`, at('clusters'))
  const matching = [...nameChecks(watch, findings, at), ...objectChecks(watch, findings, at)]
  return [
    resources,
    endpointCheck(watch, at('endpoints'), endpoint),
    ...paused,
    clusters,
    ...matching,
    ...notes(watch, at),
    ...streamChecks(watch, findings),
  ]
}

type At = (field: string) => SourceRef

function endpointCheck({ endpoints }: WatchConfig, at: SourceRef, endpoint: string | undefined): Check {
  if (endpoint !== undefined) return check('endpoints', yesOrNo(endpoints.includes(endpoint)), listed(endpoints), at)
  if (endpoints.length === 0) return check('endpoints', 'no', 'none: matches are counted, nothing is sent', at)
  return check('endpoints', 'yes', listed(endpoints), at)
}

function nameChecks({ namespaces }: WatchConfig, { subject, snapshot }: Findings, at: At): readonly Check[] {
  const context = { namespaced: subject.namespaced, resource: resourceName(subject) }
  const { settings, places } = snapshot
  const object = { metadata: { name: subject.name, namespace: subject.namespace } }
  const judged = (conditions: readonly Condition<Named>[]) => conditions.map((condition) => verdictOf(condition, object))
  const ignored = judged(nameConditions({ include: [], exclude: settings.ignoreNamespaces }, context))
  return [
    ...ignored.map(({ verdict, detail }) => check('ignoreNamespaces', markOf[verdict], detail, places.settings.ignoreNamespaces)),
    ...judged(nameConditions(namespaces, context)).map((verdict) => conditionCheck(verdict, at)),
  ]
}

const markOf: Readonly<Record<ConditionVerdict['verdict'], Mark>> = { holds: 'yes', fails: 'no', unclear: 'unknown' }

const conditionCheck = ({ field, verdict, detail }: ConditionVerdict, at: At): Check =>
  check(shownField(field), markOf[verdict], detail, at(field))

/** `namespaces` says enough where its globs are meant. */
const shownField = (field: ConditionVerdict['field']): string => (field === 'namespaces.include' ? 'namespaces' : field)

/** What only whoever has the object can say. */
function objectChecks(watch: WatchConfig, findings: Findings, at: At): readonly Check[] {
  const fields = fieldsOf(watch, findings)
  if (fields.length === 0) return []
  const said = agentWord(watch, findings)
  if (typeof said === 'string') return fields.map((field) => check(field, 'unknown', said, at(field)))
  const isIn = streamOf(watch.name, findings)?.told?.matches.includes(watch.name) ?? false
  return said.filter(({ field }) => fields.includes(field)).map((each) => conditionCheck(asItWas(each, isIn), at))
}

/** What cannot be told changes nothing: in stays in, out stays out. */
function asItWas(verdict: ConditionVerdict, isIn: boolean): ConditionVerdict {
  if (verdict.verdict !== 'unclear') return verdict
  return { ...verdict, verdict: isIn ? 'holds' : 'fails', detail: `${verdict.detail}; it was ${isIn ? 'in' : 'out'}` }
}

function fieldsOf({ namespaces, labelSelector, when }: WatchConfig, { subject }: Findings): readonly ConditionVerdict['field'][] {
  const asksNamespace = subject.namespaced || resourceName(subject) === 'namespaces'
  return [
    ...(namespaces.selector !== undefined && asksNamespace ? ['namespaces.selector' as const] : []),
    ...(labelSelector === undefined ? [] : ['labelSelector' as const]),
    ...(when === undefined ? [] : ['when' as const]),
  ]
}

/** Its verdicts, or why there are none. */
function agentWord(watch: WatchConfig, findings: Findings): readonly ConditionVerdict[] | string {
  if (findings.silence !== undefined) return 'the agent could not be asked'
  if (watch.paused) return 'not looked at while the watch is paused'
  if (!watch.clusters.includes(findings.subject.cluster)) return 'not looked at where the watch is not for the cluster'
  const stream = streamOf(watch.name, findings)
  const own = stream?.watches.find(({ watch: name }) => name === watch.name)
  if (stream === undefined || own === undefined) {
    const follows = findings.agentPlan === findings.plan.hash
    return follows ? 'there was no room for this watch in the answer' : 'the agent does not have this watch yet'
  }
  if (stream.found === 'absent') return 'there is no such object'
  if (stream.found === 'unknown') return stream.problem ?? 'the object could not be looked at'
  const wanted = findings.plan.streams.flatMap(({ watches }) => watches).find(({ name }) => name === watch.name)
  return own.definition === wanted?.definition ? own.conditions : 'the agent follows an older definition of this watch'
}

const streamOf = (watch: string, { streams }: Findings): StreamVerdict | undefined =>
  streams.find(({ watches }) => watches.some((each) => each.watch === watch))

const everyEvent = 'created, updated, deleted'

function notes({ events, initial }: WatchConfig, at: At): readonly Check[] {
  const delivered = events.join(', ')
  return [
    ...(delivered === everyEvent ? [] : [check('events', 'note', `only ${delivered} are delivered`, at('events'))]),
    ...(initial === 'send'
      ? []
      : [check('initial', 'note', 'skip: what is there when the watch begins is told when it changes', at('initial'))]),
  ]
}

/** A stream of a paused cluster is said to be paused there. */
function streamChecks({ name }: WatchConfig, findings: Findings): readonly Check[] {
  const stream = streamOf(name, findings)
  if (stream === undefined || stream.state.state === 'paused') return []
  const { state, reason, done, total } = stream.state
  const progress = done === undefined ? '' : total === undefined ? ` ${done}` : ` ${done}/${total}`
  const text = `${state}${progress}${reason === undefined ? '' : `: ${reason}`}`
  return [check('stream', yesOrNo(state === 'live'), text), ...memoryChecks(name, stream)]
}

function memoryChecks(watch: string, { told, object, unchanged, found }: StreamVerdict): readonly Check[] {
  if (told === undefined) return []
  const version = `resourceVersion ${told.resourceVersion}`
  if (!told.matches.includes(watch)) return []
  if (found === 'absent') return [check('reported', 'note', `${version}; that it is gone is on its way`)]
  if (object === undefined || object.resourceVersion === told.resourceVersion)
    return [check('reported', 'note', object === undefined ? version : `${version}, the newest`)]
  if (unchanged === true)
    return [
      check('suppressed', 'note', `what changed since ${version} is not in what the watch sends, so nothing was told of it`),
    ]
  return [check('reported', 'note', `${version}; what changed since is on its way`)]
}
