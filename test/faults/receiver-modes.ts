/** The ways in which a receiver can fail. */
import { sleep } from '@watch-hub/shared/runtime/sleep'
import type { Receiver } from '../support/receiver.ts'
import type { ReceiverMode } from './step.ts'

type Answering = Parameters<Receiver['answerWith']>[0]

/** Where a request has one of that name. */
const onName =
  (wanted: string, status: number): Answering =>
  ({ items }) =>
    items.some(({ name }) => name === wanted) ? { status } : {}

const naming =
  (wanted: string, retry: boolean): Answering =>
  ({ items }) => {
    const failures = items.filter(({ name }) => name === wanted).map(({ id }) => ({ id, message: 'not this one', retry }))
    return failures.length === 0 ? {} : { status: 200, body: { failures } }
  }

const onlyOne =
  (status: number): Answering =>
  ({ items }) =>
    items.length > 1 ? { status } : {}

/** Endpoints time out after 250 ms. */
const answers: Readonly<Record<ReceiverMode, Answering>> = {
  ok: () => ({}),
  '500': () => ({ status: 500 }),
  '429': () => ({ status: 429, headers: { 'retry-after': '1' } }),
  reset: () => ({ reset: true }),
  hang: () => ({ hang: true }),
  slow: () => sleep(15).then(() => ({})),
  late: () => sleep(300).then(() => ({})),
  'taken-500': () => ({ status: 500, taken: true }),
  'taken-reset': () => ({ reset: true, taken: true }),
  'taken-hang': () => ({ hang: true, taken: true }),
  'refuses-two': onName('two', 400),
  'breaks-on-four': onName('four', 500),
  'names-three': naming('three', true),
  'gives-up-one': naming('one', false),
  'one-413': onlyOne(413),
  'one-400': onlyOne(400),
}

export const answerOf = (mode: ReceiverMode): Answering => answers[mode]
