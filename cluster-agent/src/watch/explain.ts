/**
 * What this agent makes of one object, stream by stream, when the hub asks: the object as the API server has it now, redacted as on its way to the
 * hub, judged by every condition of every watch of the plan, and compared with what the hub was told last. Nothing is changed by it.
 */
import type { MatchContext } from '@watch-hub/shared/pipeline/conditions'
import { bodyHash } from '@watch-hub/shared/pipeline/hash'
import { explainMatch } from '@watch-hub/shared/pipeline/match'
import { type KubeObject, namespaceOf } from '@watch-hub/shared/pipeline/object'
import { compileProjection } from '@watch-hub/shared/pipeline/project'
import { compileRedaction } from '@watch-hub/shared/pipeline/redact'
import type { Explanation, Question, StreamVerdict } from '@watch-hub/shared/protocol/explain'
import { explainedWatches } from '@watch-hub/shared/protocol/limits'
import { type Plan, resourceName, type StreamPlan, type WatchPlan } from '@watch-hub/shared/protocol/plan'
import type { StreamState } from '@watch-hub/shared/protocol/stream-state'
import { describeError } from '@watch-hub/shared/runtime/log'
import { deadline, TimeoutError } from '@watch-hub/shared/runtime/sleep'
import type { ResourceKind } from './discovery.ts'
import { type Found, findObject } from './find-object.ts'
import type { Index, Row } from './index.ts'
import type { Kube } from './kube.ts'

/** What runs, as far as explaining needs it. */
export interface Followed {
  readonly plan: Plan | undefined
  stateOf(stream: string): StreamState
  indexOf(stream: string): Index | undefined
  readonly namespaceLabels: NonNullable<MatchContext['namespaceLabels']>
}

/** Time for the API server's answer; the hub waits a little longer. */
const askMs = 6_000

/** Rejects only with the reason of `signal`. */
export async function explain(
  question: Question,
  followed: Followed,
  kube: Pick<Kube, 'request'>,
  signal: AbortSignal,
): Promise<Explanation> {
  const { plan } = followed
  const streams = (plan?.streams ?? []).filter(
    ({ group, resource }) => group === question.group && resource === question.resource,
  )
  const take = takeUpTo(explainedWatches)
  const verdicts: StreamVerdict[] = []
  const looked = new Map<string, Found>()
  for (const stream of streams) {
    const version = stream.version ?? ''
    const found = looked.get(version) ?? (await find(kube, stream, question, signal))
    looked.set(version, found)
    verdicts.push(verdictOn({ stream, question, found, followed, take }))
  }
  return { plan: plan?.hash ?? '', streams: verdicts }
}

/** Longest sentence of what went wrong. */
const maxProblem = 400

/** An API server that does not answer is no reason to say nothing. */
async function find(kube: Pick<Kube, 'request'>, ref: StreamPlan, question: Question, signal: AbortSignal): Promise<Found> {
  using limit = deadline(askMs, { parent: signal, what: 'asking the API server for the object' })
  try {
    return await findObject(kube, ref, question, limit.signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof TimeoutError)) throw error
    return { found: 'unknown', problem: error.message }
  }
}

interface Judging {
  readonly stream: StreamPlan
  readonly question: Question
  readonly found: Found
  readonly followed: Followed
  readonly take: (watches: readonly WatchPlan[]) => readonly WatchPlan[]
}

function verdictOn({ stream, question, found, followed, take }: Judging): StreamVerdict {
  const { kind } = found
  const namespace = kind?.namespaced === false ? '' : question.namespace
  const row = followed.indexOf(stream.id)?.get({ namespace, name: question.name })
  const about = {
    stream: stream.id,
    state: followed.stateOf(stream.id),
    found: found.found,
    ...(kind !== undefined && { kind: { version: kind.version, kind: kind.kind, namespaced: kind.namespaced } }),
    ...(row !== undefined && { told: { uid: row.uid, resourceVersion: row.resourceVersion, matches: row.matches } }),
  }
  const watches = take(stream.watches)
  if (found.found !== 'present')
    return {
      ...about,
      ...('problem' in found && { problem: found.problem.slice(0, maxProblem) }),
      watches: watches.map((watch) => verdict(watch, [])),
    }
  const object = compileRedaction(stream)(found.object)
  return {
    ...about,
    object: { namespace: namespaceOf(object), uid: object.metadata.uid, resourceVersion: object.metadata.resourceVersion },
    ...(row !== undefined && { unchanged: isTold(row, object, stream) }),
    watches: watches.map((watch) => verdict(watch, judge(watch, object, contextOf(found.kind, followed)))),
  }
}

const verdict = ({ name, definition }: WatchPlan, conditions: StreamVerdict['watches'][number]['conditions']) => ({
  watch: name,
  definition,
  conditions,
})

const isTold = (row: Row, object: KubeObject, { projection }: StreamPlan): boolean =>
  row.uid === object.metadata.uid && row.hash === bodyHash(JSON.stringify(compileProjection(projection)(object)))

const contextOf = (kind: ResourceKind, { plan, namespaceLabels }: Followed): MatchContext => ({
  cluster: plan?.cluster ?? { name: '', labels: {} },
  namespaced: kind.namespaced,
  resource: resourceName(kind),
  namespaceLabels,
})

/** A watch that this agent does not understand is no reason to say nothing of the others. */
function judge(watch: WatchPlan, object: KubeObject, context: MatchContext): StreamVerdict['watches'][number]['conditions'] {
  try {
    return explainMatch(watch, context)(object)
  } catch (error) {
    return [
      {
        field: 'when',
        verdict: 'unclear',
        detail: `this agent cannot follow the watch: ${describeError(error)}`.slice(0, maxProblem),
      },
    ]
  }
}

function takeUpTo(max: number) {
  let left = max
  return (watches: readonly WatchPlan[]): readonly WatchPlan[] => {
    const some = watches.slice(0, left)
    left -= some.length
    return some
  }
}
