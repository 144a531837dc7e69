/**
 * Trace: what became of an event, of a request, or of the newest events of an object. All of it is read from what the hub keeps anyway; no
 * tracing backend and no agent is asked, and nothing is changed by asking.
 */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { CurrentConfig } from '../config/current.ts'
import { type KindName, kindsOf, resolveKind } from '../config/kind-names.ts'
import { didYouMean } from '../config/nearest.ts'
import type { Delivery } from '../delivery/dispatcher.ts'
import { paddedSequence } from '../delivery/formats/format.ts'
import type { Store } from '../store/store.ts'
import type { Asked, BatchStory, ObjectEvents, Story } from '../store/story.ts'
import { eventOf, type Now } from './event.ts'
import type { BatchTrace, EventTrace, ObjectQuestion, TraceAnswer } from './model.ts'

export interface TraceParts {
  readonly store: Pick<Store, 'story' | 'batchStory' | 'objectEvents' | 'deadLetter' | 'context'>
  readonly config: Pick<CurrentConfig, 'snapshot'>
  readonly delivery: Pick<Delivery, 'status' | 'sending'>
}

export interface TraceView {
  /** By the id of an event, a request or a dead letter. */
  trace(id: string, asked?: Asked): Promise<TraceAnswer>
  traceObject(question: ObjectQuestion, asked?: Asked): Promise<TraceAnswer>
}

type Which = Asked & Pick<Now, 'scan'>

const kept =
  'events of the log are known for a day after every endpoint has passed them, requests for 3 days (10,000 of each endpoint, fewer where they told millions of events), dead letters until they go'

export function traceView(parts: TraceParts): TraceView {
  const { store, config, delivery } = parts
  const now = async (): Promise<Pick<Now, 'snapshot' | 'statuses' | 'sending'>> => ({
    snapshot: config.snapshot(),
    sending: delivery.sending,
    statuses: new Map((await delivery.status()).map((status) => [status.name, status])),
  })
  const commitOf = async ({ row }: Story) => (row === undefined ? undefined : (await store.context(row.context)).commit)
  /** Of those that are known. How endpoints do is asked once, after all that their stories tell. */
  const tell = async (sequences: readonly number[], { scan, endpoint, signal }: Which): Promise<readonly EventTrace[]> => {
    const known: (readonly [story: Story, commit: string | undefined])[] = []
    for (const sequence of sequences) {
      const story = await store.story(sequence, { endpoint, signal })
      if (story !== undefined) known.push([story, await commitOf(story)])
    }
    if (known.length === 0) return []
    const moment = await now()
    return known.map(([story, commit]) => eventOf(story, { ...moment, scan, endpoint, commit }))
  }
  const unknownEndpoint = (endpoint: string | undefined): TraceAnswer | undefined => {
    const known = config.snapshot()?.endpoints
    if (endpoint === undefined || known === undefined || known.has(endpoint)) return undefined
    return unknown(`expected the name of a declared Endpoint, got "${endpoint}"${didYouMean(endpoint, known.keys())}`)
  }

  async function traceSequence(id: string, sequence: number, which: Which): Promise<TraceAnswer> {
    const events = await tell([sequence], which)
    return events.length === 0 ? nothingKnown(id, which.endpoint) : { kind: 'found', trace: { events, notes: [] } }
  }

  async function trace(id: string, { endpoint, signal }: Asked = {}): Promise<TraceAnswer> {
    const { sequence, scan } = idOf(id)
    if (sequence !== undefined) return unknownEndpoint(endpoint) ?? traceSequence(id, sequence, { scan, endpoint, signal })
    const batch = await store.batchStory(id, signal)
    if (batch !== undefined) return { kind: 'found', trace: { events: [], batch: batchOf(batch), notes: [] } }
    const letter = await store.deadLetter(id)
    return letter === undefined ? nothingKnown(id) : traceSequence(id, letter.sequence, { endpoint: letter.endpoint, signal })
  }

  async function traceObject(question: ObjectQuestion, asked: Asked): Promise<TraceAnswer> {
    const snapshot = config.snapshot()
    const { cluster, resource, limit } = question
    const resolved = resolveKind(resource, snapshot === undefined ? [] : kindsOf(snapshot))
    if (resolved.kind === 'ambiguous') return { ...resolved, typed: resource }
    if (resolved.kind === 'unknown') {
      const hint = resolved.nearest === undefined ? '' : ` (did you mean '${resolved.nearest}'?)`
      return unknown(`expected a kind that a watch names, or one that most clusters have, got "${resource}"${hint}`)
    }
    const found = await store.objectEvents(named(question, resolved.found), limit, asked.signal)
    if (found.sequences.length === 0) {
      const hint = snapshot?.clusters.has(cluster) === true ? '' : didYouMean(cluster, snapshot?.clusters.keys() ?? [])
      return unknown(noEvent(question, resolved.found, found, hint))
    }
    return { kind: 'found', trace: { events: await tell(found.sequences, asked), notes: objectNotes(found) } }
  }

  return {
    trace,
    traceObject: async (question, asked = {}) => unknownEndpoint(asked.endpoint) ?? traceObject(question, asked),
  }
}

const unknown = (message: string): TraceAnswer => ({ kind: 'unknown', message })

const nothingKnown = (id: string, endpoint?: string): TraceAnswer =>
  unknown(
    `expected the id of an event, a request or a dead letter that is still known${endpoint === undefined ? '' : ` of ${endpoint}`}, got "${id}": ${kept}`,
  )

/** `1795450401978123`, with zeros before it or not; `<scan id>-<20 digits>`. */
function idOf(text: string): { readonly sequence?: number; readonly scan?: string } {
  const { scan, digits = '' } = /^(?:(?<scan>.+)-(?=\d{20}$))?(?<digits>\d{1,20})$/.exec(text)?.groups ?? {}
  const sequence = Number(digits)
  if (digits === '' || !Number.isSafeInteger(sequence)) return {}
  return { sequence, ...(scan !== undefined && { scan }) }
}

const batchOf = ({ events, ...batch }: BatchStory): BatchTrace => ({
  ...batch,
  events: events.map(({ sequence, about }) => ({
    id: paddedSequence(sequence),
    ...(about !== undefined && { cluster: about.cluster, object: about.object }),
  })),
})

/** Where kubectl looks when it is not told where. What is in no namespace is found there, too. */
const namespacesOf = ({ namespace }: ObjectQuestion): readonly string[] =>
  namespace === undefined ? ['', 'default'] : [namespace, '']

const named = (question: ObjectQuestion, { group, resource }: KindName) => ({
  ...{ group, resource },
  ...{ cluster: question.cluster, name: question.name, namespaces: namespacesOf(question) },
})

function noEvent(
  { cluster, name, namespace = 'default' }: ObjectQuestion,
  kind: KindName,
  found: ObjectEvents,
  hint: string,
): string {
  const far = found.complete ? '' : `, within the newest ${found.lookedAt} rows of the log`
  return `expected an object that is known, got ${resourceName(kind)} ${namespace}/${name} in cluster ${cluster}${hint}: no event of it is known${far}, and the inventory does not have it; ${kept}`
}

function objectNotes({ complete, lookedAt, present }: ObjectEvents): readonly string[] {
  return [
    ...(complete ? [] : [`there may be older events: the newest ${lookedAt} rows of the log were looked through`]),
    ...(present === false ? ['the hub does not hold the object now: it is gone, or no watch matches it'] : []),
  ]
}
