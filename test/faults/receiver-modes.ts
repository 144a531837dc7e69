/** The ways in which a receiver can fail. */
import { sleep } from '@watch-hub/shared/runtime/sleep'
import type { Receiver } from '../support/receiver.ts'
import type { ReceiverMode } from './step.ts'

type Answering = Parameters<Receiver['answerWith']>[0]

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
}

export const answerOf = (mode: ReceiverMode): Answering => answers[mode]
