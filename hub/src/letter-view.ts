/** What the admin API sees of dead letters, and does with them: the store has them, the way out tells them again. */
import type { Delivery } from './delivery/dispatcher.ts'
import type { HubView, LetterFilter, ReplayPage, WholeLetter } from './http/view.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterHead, Store } from './store/store.ts'

export interface LetterViewParts {
  readonly store: Pick<Store, 'deadLetters' | 'deadLetter' | 'dropDeadLetters'>
  readonly delivery: Pick<Delivery, 'replay'>
  readonly now: () => number
}

/** Letters that are told again in one go. */
const replayedAtOnce = 100

export function letterView({
  store,
  delivery,
  now,
}: LetterViewParts): Pick<HubView, 'deadLetters' | 'deadLetter' | 'replay' | 'dropDeadLetters'> {
  const filterOf = ({ olderThanMs, ...rest }: LetterFilter): DeadLetterFilter =>
    olderThanMs === undefined ? rest : { ...rest, diedBefore: now() - olderThanMs }
  return {
    deadLetters: ({ limit, after, ...filter }) =>
      store.deadLetters({ ...filterOf(filter), limit, ...(after !== undefined && { after }) }),
    async deadLetter(id) {
      const letter = await store.deadLetter(id)
      return letter && wholeLetter(letter)
    },
    async replay(filter, after) {
      const page = { limit: replayedAtOnce, ...(after !== undefined && { after }) }
      const { letters, next } = await store.deadLetters({ ...filterOf(filter), ...page })
      const outcomes = await outcomesOf(letters, delivery)
      const told = letters.map(({ id, endpoint, cluster, object }) => {
        const outcome = outcomes.get(id) ?? 'no-endpoint'
        return { id, endpoint, cluster, object, outcome }
      })
      return next === undefined ? { letters: told } : { letters: told, next }
    },
    dropDeadLetters: (filter) => store.dropDeadLetters(filterOf(filter)),
  }
}

type ReplayOutcome = ReplayPage['letters'][number]['outcome']

/** By id; of endpoints that are not configured there is none. */
async function outcomesOf(
  letters: readonly DeadLetterHead[],
  delivery: Pick<Delivery, 'replay'>,
): Promise<ReadonlyMap<string, ReplayOutcome>> {
  const byEndpoint = [...Map.groupBy(letters, ({ endpoint }) => endpoint)]
  const answers = await Promise.all(
    byEndpoint.map(([endpoint, of]) =>
      delivery.replay(
        endpoint,
        of.map(({ id }) => id),
      ),
    ),
  )
  return new Map(answers.flatMap((answer) => (answer ?? []).map(({ id, outcome }) => [id, outcome] as const)))
}

function wholeLetter({ content, ...letter }: DeadLetter): WholeLetter {
  return { ...letter, body: bodyOf(content) }
}

/** The content is JSON that holds no raw tab, a tab, and the body as its agent wrote it. */
function bodyOf(content: string): unknown {
  const text = content.slice(content.indexOf('\t') + 1)
  return text === '' ? null : JSON.parse(text)
}
