/** `watch-hub endpoint test`: one sample event to an endpoint, and what it answers. Exit code 1 when it is not accepted. */
import type { SampleAnswer } from '../delivery/sample.ts'
import { sampleAnswer } from '../http/wire-delivery.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { bytes, inOneLine, json, took } from './output.ts'

export const test = command({
  name: 'test',
  about:
    'send one sample event to an endpoint, also while it is paused, and show the answer; exit code 1 when it is not accepted',
  args: [['<name>', 'the endpoint']],
  flags: { output: output('json'), ...hubFlags },
  notes:
    'The hub sends it, as it sends events: with the format, headers, auth and signature of the endpoint, to the addresses that it may reach.\nA receiver knows it by the header "webhook-test: true", and where the format has reasons, by "test". Nothing else changes: what waits goes on waiting.',
  run: async (io, { output, ...where }, [name = '']) => {
    const hub = await connectHub(io, where)
    const answer = await hub.post(`api/v1/endpoints/${encodeURIComponent(name)}/test`, {}, sampleAnswer)
    if (output === 'json') io.out(json(answer))
    else for (const line of sampleText(answer)) io.out(line)
    if (!isTaken(answer)) io.setExitCode(1)
  },
})

const isTaken = ({ outcome, failures = [] }: SampleAnswer): boolean => outcome === 'accepted' && failures.length === 0

/** What an answer would mean for events. */
const meanings: Readonly<Record<SampleAnswer['outcome'], string>> = {
  accepted: 'accepted',
  'try-later': 'NOT ACCEPTED: the endpoint cannot now; events would wait and be tried again',
  refused:
    'REFUSED: an event with this answer would be parked; a sample has little in it, so a receiver or a body: that reads more may refuse it alone',
  oversize: 'TOO LARGE: a batch would be split, a single event parked',
  gone: 'GONE: the hub would hold the endpoint',
  'not-charged': "NOT SENT: the hub's own trouble, its resolver or its proxy; events would wait",
  blocked: 'BLOCKED: the hub does not send there',
}

const shownAnswer = 2_000
const cutAnswer = (text: string): string =>
  text.length <= shownAnswer ? text : `${text.slice(0, shownAnswer)}… (${text.length} characters; all of them with -o json)`

export function sampleText(sample: SampleAnswer): readonly string[] {
  const { id, url, format, outcome, reason, status, answer, failures = [], ms, bytes: size } = sample
  const facts: readonly (readonly [string, string])[] = [
    ['Request', size === 0 ? `none to ${url}` : `${bytes(size)} in the format ${format} to ${url}, webhook-id ${id}`],
    ['Answer', `${status === undefined ? 'none' : status}, after ${took(ms)}`],
    ['Meaning', failures.length === 0 ? meanings[outcome] : 'NOT ACCEPTED: it named the event as one that it cannot take'],
    ...(reason === undefined ? [] : [['Reason', reason] as const]),
    ...failures.map(({ message, retry }) => ['Named', `${message}${retry ? '' : ' (not to be tried again)'}`] as const),
  ]
  const said = answer === undefined || answer.trim() === '' ? [] : ['', cutAnswer(answer.trimEnd())]
  return [...facts.map(([fact, text]) => `${fact.padEnd(7)}  ${inOneLine(text)}`), ...said]
}
