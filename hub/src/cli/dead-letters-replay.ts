/** `watch-hub dead-letters replay`: tells dead letters again, page by page, and says what came of each. */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import type { LetterFilter, ReplayPage } from '../http/view.ts'
import { replayPage } from '../http/wire-delivery.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { output } from './flags.ts'
import { connectHub, type HubClient } from './hub-client.ts'
import { allFlag, filterFlags, letterArgs, letterFilter, letterOrder } from './letter-filter.ts'
import { counted, json, objectName, table } from './output.ts'

type Replayed = ReplayPage['letters'][number]

export const replay = command({
  name: 'replay',
  about: 'tell dead letters again; one that was overtaken is told as the current state of its object, or not at all',
  args: letterArgs,
  flags: { ...filterFlags, all: allFlag, output: output('json'), ...hubFlags },
  notes:
    'What is told again goes the way of all events: it waits its turn, also behind a pause. Exit code 1 when some letters stay where they are.',
  run: async (io, { all, output, hub, tokenFile, ca, data, ...flags }, args) => {
    const filter = letterFilter(flags, args)
    const order = letterOrder(filter, all)
    const client = await connectHub(io, { hub, tokenFile, ca, data })
    const letters = await replayed(client, order)
    const missing = (filter.ids ?? []).filter((id) => letters.every((letter) => letter.id !== id))
    if (output === 'json') io.out(json(letters))
    else for (const line of replayText(letters)) io.out(line)
    for (const id of missing) io.err(`no dead letter ${id}`)
    if (missing.length > 0 || letters.some(({ outcome }) => stays.has(outcome))) io.setExitCode(1)
  },
})

async function replayed(hub: HubClient, order: LetterFilter): Promise<readonly Replayed[]> {
  const letters: Replayed[] = []
  let after: string | undefined
  do {
    const page = await hub.post('api/v1/dead-letters/replay', { ...order, ...(after !== undefined && { after }) }, replayPage)
    letters.push(...page.letters)
    after = page.next
  } while (after !== undefined)
  return letters
}

const stays: ReadonlySet<Replayed['outcome']> = new Set(['parked', 'unknown', 'waits', 'missing', 'no-endpoint'])

const words: Readonly<Record<Replayed['outcome'], string>> = {
  sent: 'goes out again',
  current: 'was overtaken: the current state goes out',
  gone: 'the object is gone: nothing to tell',
  unwatched: 'no watch sends it there any more: nothing to tell',
  parked: 'STAYS: its object is parked, which is tried by itself',
  unknown: 'STAYS: not known before the agent of the cluster has compared; ask again later',
  waits: 'STAYS: what waits for the endpoint goes first; ask again later',
  missing: 'was forgotten meanwhile',
  'no-endpoint': 'STAYS: the endpoint is not configured any more',
}

export function replayText(letters: readonly Replayed[]): readonly string[] {
  if (letters.length === 0) return ['No dead letter fits.']
  const rows = letters.map(({ id, endpoint, cluster, object, outcome }) => [
    id,
    endpoint,
    cluster,
    `${resourceName(object)} ${objectName(object)}`,
    words[outcome],
  ])
  const staying = letters.filter(({ outcome }) => stays.has(outcome)).length
  const told = letters.filter(({ outcome }) => outcome === 'sent' || outcome === 'current').length
  const sum = [
    `${counted(told, 'dead letter')} told again`,
    `${letters.length - told - staying} not needed any more`,
    `${staying} stay`,
  ]
  return [...table([['ID', 'ENDPOINT', 'CLUSTER', 'OBJECT', 'WHAT CAME OF IT'], ...rows]), '', `${sum.join(', ')}.`]
}
