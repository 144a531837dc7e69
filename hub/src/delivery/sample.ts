/**
 * A sample: one made-up event, sent once to try an endpoint out. It goes the way that events go (format, headers, auth, signature, egress) and
 * changes nothing: not the breaker, not the pace, not what waits. So it also goes to an endpoint that is held, and past its `allow`.
 *
 * A receiver knows it by the header `webhook-test: true`, by `reason: "test"`, and by a cluster that no config can declare.
 */
import { randomUUID } from 'node:crypto'
import type { EndpointConfig, Metadata } from '../config/model.ts'
import type { LogRow, Member } from '../store/store.ts'
import type { Bodies } from './body/bodies.ts'
import { shaping } from './body/shaping.ts'
import { contextText } from './contexts.ts'
import type { Egress } from './egress.ts'
import { openPost } from './post.ts'
import type { EgressProxy } from './proxy.ts'
import { type BatchFrame, envelopeOf, renderItems, renderRequest } from './render.ts'
import type { Secrets } from './secrets.ts'
import type { NamedFailure, Outcome, Outgoing, Send } from './send.ts'
import { resolveTarget, shownUrl, type TargetSettings } from './target.ts'

export interface SampleAnswer {
  /** `webhook-id` */
  readonly id: string
  /** Without query and credentials. */
  readonly url: string
  readonly format: string
  /** What the answer would mean for events; `blocked`: nothing was sent. */
  readonly outcome: Exclude<Outcome['kind'], 'changed'>
  /** Name of the failure: `dns_error`, `http_4xx`, … */
  readonly failure?: string
  /** Why it was not accepted, for people. */
  readonly reason?: string
  readonly status?: number
  /** What the endpoint said, at most 16 KiB. Without secrets. */
  readonly answer?: string
  /** What it would not take, though it accepted the request. */
  readonly failures?: readonly Omit<NamedFailure, 'id'>[]
  /** How long the attempt took. */
  readonly ms: number
  /** Of the request's body; 0 when nothing was tried. */
  readonly bytes: number
}

export interface SampleDeps {
  readonly secrets: Pick<Secrets, 'read'>
  readonly egress: Egress
  readonly proxy?: EgressProxy | undefined
  readonly bodies: Pick<Bodies, 'render'>
  readonly now: () => number
}

export interface SampleOrder {
  readonly endpoint: EndpointConfig
  /** Attached to every payload by Settings. */
  readonly attach: Metadata
}

/** Rejects only with the signal's reason. */
export async function sendSample(
  { endpoint, attach }: SampleOrder,
  deps: SampleDeps,
  { signal, ...settings }: TargetSettings & { readonly signal: AbortSignal },
): Promise<SampleAnswer> {
  const { secrets, bodies, now } = deps
  const { timeoutMs, outcomes } = endpoint
  const request = sampleRequest({ endpoint, attach }, now())
  const about = { id: request.id, url: shownUrl(endpoint.url), format: endpoint.format }
  const resolved = await resolveTarget(endpoint, secrets, settings)
  if (resolved.kind === 'blocked') return { ...about, outcome: 'blocked', reason: resolved.reason, ms: 0, bytes: 0 }
  await using post = openPost(resolved.target, { ...deps, timeoutMs, outcomes, keepAnswers: true })
  const began = now()
  let bytes = 0
  const counted: Send = async (batch, stop) => {
    const outcome = await post.send(batch, stop)
    if (outcome.kind !== 'blocked') bytes = batch.body.length
    return outcome
  }
  const outcome = await shaping(bodies, counted)(request, signal)
  return { ...about, ...told(outcome), ms: now() - began, bytes }
}

function told(outcome: Outcome): Pick<SampleAnswer, 'outcome' | 'failure' | 'reason' | 'status' | 'answer' | 'failures'> {
  if (outcome.kind === 'changed') throw new Error('expected a sender to answer with what came of the request, got changed')
  if (outcome.kind === 'blocked') return { outcome: 'blocked', reason: outcome.why.message }
  if (outcome.kind === 'accepted') {
    const { kind, status, failures, answer } = outcome
    const named = failures?.map(({ message, retry }) => ({ message, retry })) // an id is not masked, and may be a secret said back
    return { outcome: kind, status, ...(named !== undefined && { failures: named }), ...(answer !== undefined && { answer }) }
  }
  const { status, answer, kind, message } = outcome.why
  return {
    outcome: outcome.kind,
    failure: kind,
    reason: message,
    ...(status !== undefined && { status }),
    ...(answer !== undefined && { answer }),
  }
}

/** `now`: ms; it numbers the event, so that each sample is newer than the one before. */
function sampleRequest({ endpoint, attach }: SampleOrder, now: number): Outgoing {
  const id = randomUUID()
  const row = sampleRow(now)
  const member: Member = { sequence: row.sequence, type: 'created', reason: 'test', watches: [] }
  const context = contextText({ cluster: { name: row.cluster, uid: row.object.uid, labels: {}, metadata: {} }, watches: {} })
  const frame: BatchFrame = {
    format: endpoint.format,
    metadata: { ...attach, ...endpoint.attach },
    cluster: { name: row.cluster, metadata: {} },
    ...(endpoint.body !== undefined && { body: endpoint.body }),
  }
  const envelope = envelopeOf({ id, createdAt: now }, frame, endpoint.name)
  const contexts = new Map([[row.context, context]])
  const items = renderItems([{ row, member }], { format: frame.format, envelope, contexts, scan: id })
  const { headers, ...rendered } = renderRequest(envelope, frame, items)
  return { id, endpoint: endpoint.name, events: 1, ...rendered, headers: { ...headers, 'webhook-test': 'true' } }
}

/** Names of clusters are DNS labels, so this one is nobody's. */
const sampleCluster = 'watch-hub.test'
const sampleUid = '00000000-0000-4000-8000-000000000000'

function sampleRow(now: number): LogRow {
  const sequence = now * 1_000
  const metadata = { name: 'sample', namespace: 'watch-hub-test', uid: sampleUid, resourceVersion: '1' }
  const note = "This is a sample: 'watch-hub endpoint test' sent it to try this endpoint out. It tells of no object."
  return {
    sequence,
    cluster: sampleCluster,
    context: 'sample',
    stream: 'sample',
    object: { group: '', version: 'v1', kind: 'ConfigMap', resource: 'configmaps', ...metadata },
    observedAt: now,
    appendedAt: now,
    cause: 'live',
    change: 'added',
    matches: [],
    routes: [],
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { note } }),
  }
}
