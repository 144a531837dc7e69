/** `watch-hub dead-letters …`: events that were given up for one endpoint, and what becomes of them. */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { LetterFilter, ListedLetter, WholeLetter } from '../http/view.ts'
import { letterPage, wholeLetter } from '../http/wire-delivery.ts'
import { command, type Group } from './command.ts'
import { drop } from './dead-letters-drop.ts'
import { replay } from './dead-letters-replay.ts'
import { hubFlags } from './find-hub.ts'
import { defaulted, output, UsageError } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { filterFlags, letterFilter } from './letter-filter.ts'
import { age, clockTime, inOneLine, json, objectName, table } from './output.ts'
import { whole } from './values.ts'

const list = command({
  name: 'list',
  about: 'the dead letters, oldest first',
  args: [['[kind/name]', 'only of this object: services/shop, deployments.apps/shop']],
  flags: {
    ...filterFlags,
    limit: defaulted('--limit <count>', { about: 'how many', fallback: '100', parse: whole(1, 1_000) }),
    output: output('json'),
    ...hubFlags,
  },
  run: async (io, { limit, output, hub, tokenFile, ca, data, ...flags }, args) => {
    const filter = letterFilter(flags, args)
    if (filter.ids !== undefined) throw new UsageError(`expected an object as KIND/NAME, got "${args.join(' ')}"`)
    const client = await connectHub(io, { hub, tokenFile, ca, data })
    const { letters, next } = await client.get(`api/v1/dead-letters?${queryOf(filter, limit)}`, letterPage)
    if (output === 'json') io.out(json(letters))
    else for (const line of letterTable(letters, Date.now())) io.out(line)
    if (next !== undefined) io.err(`There are more than ${limit}: raise --limit, or ask for fewer.`)
  },
})

const show = command({
  name: 'show',
  about: 'one dead letter: why it was given up, what the endpoint said last, and the object as it was to be told',
  args: [['<id>', 'its id, as list shows it']],
  flags: { output: output('json'), ...hubFlags },
  run: async (io, { output, ...where }, [id = '']) => {
    const hub = await connectHub(io, where)
    const letter = await hub.get(`api/v1/dead-letters/${encodeURIComponent(id)}`, wholeLetter)
    if (output === 'json') io.out(json(letter))
    else for (const line of letterText(letter, Date.now())) io.out(line)
  },
})

export const deadLetters: Group = {
  name: 'dead-letters',
  about: 'events that were given up for an endpoint: list, show, replay, drop',
  commands: [list, show, replay, drop],
}

function queryOf(filter: LetterFilter, limit: number): URLSearchParams {
  const query = new URLSearchParams({ limit: String(limit) })
  for (const [name, value] of Object.entries(filter)) query.set(name, String(value))
  return query
}

const head = ['ID', 'ENDPOINT', 'CLUSTER', 'RESOURCE', 'OBJECT', 'EVENT', 'DIED', 'ATTEMPTS', 'CAUSE', 'REASON']

export function letterTable(letters: readonly ListedLetter[], now: number): readonly string[] {
  if (letters.length === 0) return ['No dead letters.']
  const rows = letters.map(({ id, endpoint, cluster, object, type, diedAt, attempts, cause, reason }) => [
    id,
    endpoint,
    cluster,
    resourceName(object),
    objectName(object),
    type,
    `${age(now - diedAt)} ago`,
    String(attempts),
    cause,
    reason,
  ])
  return table([head, ...rows])
}

export function letterText(letter: WholeLetter, now: number): readonly string[] {
  const { object, cause, status, answer, body, firstAttemptAt, diedAt } = letter
  const facts: readonly (readonly [string, string])[] = [
    ['Dead letter', letter.id],
    ['Endpoint', letter.endpoint],
    ['Object', `${resourceName(object)} ${objectName(object)} in ${letter.cluster}, uid ${object.uid}`],
    ['Event', `${letter.type}, sequence ${letter.sequence}, resourceVersion ${object.resourceVersion}`],
    ['Tried', `${letter.attempts} times in ${age(diedAt - firstAttemptAt)}, first at ${clockTime(firstAttemptAt)}`],
    ['Died', `${age(now - diedAt)} ago, at ${clockTime(diedAt)}`],
    ['Cause', status === undefined ? cause : `${cause}, status ${status}`],
    ['Reason', letter.reason],
  ]
  const said = answer === undefined || answer.trim() === '' ? [] : ['', 'What the endpoint said last:', answer.trimEnd()]
  return [
    ...facts.map(([fact, text]) => `${fact.padEnd(11)}  ${inOneLine(text)}`),
    ...said,
    '',
    'What it was to be told of:',
    json(body),
  ]
}
