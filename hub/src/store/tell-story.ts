/** Puts the story of an event, a request or an object together from the engine's steps: between two of them appends and couriers have their turn. */
import type { Output } from './calls.ts'
import type { ToldBatch } from './engine/told.ts'
import type { Link } from './link/link.ts'
import type { DeadLetterHead, Sequence, Store } from './store.ts'
import type { BatchStory, EndpointStory, EventObject, HeldBatch, NamedObject, ObjectEvents, Story, ToldStory } from './story.ts'
import { tookAll } from './story.ts'

type TellLink = Pick<Link, 'call'>

/** Takes no step more when nobody waits for the answer. */
export const whileAsked = (link: TellLink, signal: AbortSignal | undefined): TellLink => ({
  call: async (op, input) => {
    signal?.throwIfAborted()
    return link.call(op, input)
  },
})

/** Requests that one endpoint's story has. */
const requestsTold = 20
/** Dead letters that a story has. */
const lettersTold = 100
/** Steps through the later events of an object. */
const laterSteps = 20
/** Rows of the log that are looked at for an object. */
export const rowsLookedThrough = 2_000_000
/** Events that the story of a request names. */
const eventsTold = 100

interface ToTell {
  readonly sequence: Sequence
  /** Absent = all of them. */
  readonly endpoint: string | undefined
  readonly deadLetters: Store['deadLetters']
}

export async function tellStory(link: TellLink, { sequence, endpoint: only, deadLetters }: ToTell): Promise<Story | undefined> {
  const { row, about, endpoints } = await link.call('storyHead', sequence)
  const { letters } = await deadLetters({ sequence, limit: lettersTold, ...(only !== undefined && { endpoint: only }) })
  const routed = new Set(row?.routes.map(({ endpoint }) => endpoint))
  const stories: EndpointStory[] = []
  for (const endpoint of only === undefined ? endpoints : endpoints.filter((each) => each === only)) {
    const own = letters.filter((letter) => letter.endpoint === endpoint)
    const story = await atEndpoint(link, { endpoint, sequence, letters: own, routed: routed.has(endpoint), about })
    if (story !== undefined) stories.push(story)
  }
  const [letter] = letters
  const known = about ?? (letter && { cluster: letter.cluster, object: letter.object })
  if (known === undefined && stories.length === 0) return undefined
  return { sequence, ...(row !== undefined && { row }), ...(known !== undefined && { about: known }), endpoints: stories }
}

interface AtEndpoint {
  readonly endpoint: string
  readonly sequence: Sequence
  readonly letters: readonly DeadLetterHead[]
  readonly routed: boolean
  readonly about: EventObject | undefined
}

/** Nothing = the endpoint has nothing to do with it. */
async function atEndpoint(
  link: TellLink,
  { endpoint, sequence, letters, routed, about }: AtEndpoint,
): Promise<EndpointStory | undefined> {
  const batches = await toldBatches(link, endpoint, [sequence])
  const held = await heldBatches(link, endpoint, [sequence])
  if (batches.length + held.length + letters.length === 0 && !routed) return undefined
  const standing = await link.call('storyStanding', { endpoint, sequence })
  const shown = batches.slice(0, requestsTold).reverse()
  const told = await withAttempts(link, { endpoint, sequence, batches: shown })
  const isOver = held.length + letters.length === 0 && standing.cursor >= sequence && !told.some(wasTaken)
  const instead = isOver && about !== undefined ? await toldInstead(link, { endpoint, sequence, about }) : undefined
  const toldBefore = batches.length - shown.length
  return { endpoint, ...standing, told, toldBefore, held, letters, ...(instead !== undefined && { instead }) }
}

const wasTaken = ({ attempts }: ToldStory): boolean => attempts.some(tookAll)

/** The newest first. */
async function toldBatches(link: TellLink, endpoint: string, sequences: readonly Sequence[]): Promise<readonly ToldBatch[]> {
  const all: ToldBatch[] = []
  for (let before: number | undefined; ; ) {
    const step: Output<'storyTold'> = await link.call('storyTold', {
      endpoint,
      sequences,
      ...(before !== undefined && { before }),
    })
    all.push(...step.found)
    before = step.next
    if (before === undefined) return all
  }
}

async function heldBatches(link: TellLink, endpoint: string, sequences: readonly Sequence[]): Promise<readonly HeldBatch[]> {
  const all: HeldBatch[] = []
  for (let after: string | undefined; ; ) {
    const step: Output<'storyHeld'> = await link.call('storyHeld', { endpoint, sequences, ...(after !== undefined && { after }) })
    all.push(...step.found)
    after = step.next
    if (after === undefined) return all
  }
}

/** The first of the object's later events that the endpoint was told, or that waits frozen for it. */
async function toldInstead(
  link: TellLink,
  { endpoint, sequence, about }: Pick<AtEndpoint, 'endpoint' | 'sequence'> & { readonly about: EventObject },
): Promise<Sequence | undefined> {
  let after: Sequence | undefined = sequence
  for (let steps = 0; after !== undefined && steps < laterSteps; steps++) {
    const later: Output<'storyLater'> = await link.call('storyLater', { endpoint, sequence, about, after })
    if (later.sequences.length > 0) {
      const told = await toldBatches(link, endpoint, later.sequences)
      const held = await heldBatches(link, endpoint, later.sequences)
      const found = [...told.map((each) => each.sequence), ...held.map(({ member }) => member.sequence)]
      if (found.length > 0) return Math.min(...found)
    }
    after = later.next
  }
  return undefined
}

interface ToldAtEndpoint extends Pick<AtEndpoint, 'endpoint' | 'sequence'> {
  readonly batches: readonly ToldBatch[]
}

async function withAttempts(link: TellLink, { endpoint, sequence, batches }: ToldAtEndpoint): Promise<readonly ToldStory[]> {
  if (batches.length === 0) return []
  const made = await link.call('storyAttempts', {
    ...{ endpoint, sequences: [sequence] },
    batches: batches.map(({ batch }) => batch),
  })
  const byBatch = new Map(made.map((each) => [each.batch, each]))
  return batches.map(({ batch, scan }) => {
    const { attempts = [], attemptsBefore = 0 } = byBatch.get(batch) ?? {}
    return { batch, ...(scan !== undefined && { scan }), attempts, attemptsBefore }
  })
}

export async function tellBatch(link: TellLink, id: string): Promise<BatchStory | undefined> {
  const found = await link.call('storyBatch', id)
  if (found === undefined) return undefined
  const { endpoint, told, held } = found
  const shown = told.sequences.slice(0, eventsTold)
  const [made] = await link.call('storyAttempts', { endpoint, batches: [id], sequences: shown })
  const { attempts = [], attemptsBefore = 0 } = made ?? {}
  return {
    ...{ batch: id, endpoint, held, attempts, attemptsBefore },
    ...(told.scan !== undefined && { scan: told.scan }),
    events: await Promise.all(
      shown.map(async (sequence) => {
        const { about } = await link.call('storyHead', sequence)
        return { sequence, ...(about !== undefined && { about }) }
      }),
    ),
    count: told.sequences.length,
  }
}

export async function tellObject(link: TellLink, object: NamedObject, limit: number): Promise<ObjectEvents> {
  const sequences: Sequence[] = []
  let lookedAt = 0
  let before: Sequence | undefined
  do {
    const step: Output<'objectRows'> = await link.call('objectRows', { ...object, ...(before !== undefined && { before }) })
    sequences.push(...step.sequences)
    lookedAt += step.lookedAt
    before = step.next
  } while (before !== undefined && sequences.length < limit && lookedAt < rowsLookedThrough)
  if (sequences.length >= limit) return { sequences: sequences.slice(0, limit), complete: true, lookedAt }
  const held = await lastKnown(link, object)
  const all = [...new Set([...sequences, ...held])].sort((a, b) => b - a).slice(0, limit)
  return { sequences: all, complete: before === undefined, lookedAt, present: held.length > 0 }
}

async function lastKnown(link: TellLink, object: NamedObject): Promise<readonly Sequence[]> {
  const all: Sequence[] = []
  for (let after: string | undefined; ; ) {
    const step: Output<'objectHeld'> = await link.call('objectHeld', { ...object, ...(after !== undefined && { after }) })
    all.push(...step.sequences)
    after = step.next
    if (after === undefined) return all
  }
}
