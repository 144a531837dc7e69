/**
 * Loaded into a real process by `node --import`, also through NODE_OPTIONS, and then into its worker threads as well:
 *   WATCH_HUB_TEST_KILL=frame-stored:3   kills the process by SIGKILL at the third of these moments, and says so as its last word
 *   WATCH_HUB_TEST_TELL=started-over     says each of these moments
 * The product knows nothing of it (see `runtime/moment`). `killAt` and `hasDiedAt` are for the process that starts the other one.
 */
import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { channelOf, type Moment } from '@watch-hub/shared/runtime/moment'

export interface Deadly {
  readonly moment: Moment
  /** 1 = the first time. */
  readonly nth: number
}

/** Environment of a process that is to die at that moment; without one, of a process that lives. Either tells when it starts over. */
export const killAt = (deadly?: Deadly): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${import.meta.url}`,
  WATCH_HUB_TEST_TELL: 'started-over',
  ...(deadly !== undefined && { WATCH_HUB_TEST_KILL: `${deadly.moment}:${deadly.nth}` }),
})

export const lastWordOf = ({ moment, nth }: Deadly): string => `[test] dies at ${moment}:${nth}`
export const tellingOf = (moment: Moment): string => `[test] moment ${moment}`

/** Standard error, past all buffers: the next thing may be the end. */
const say = (line: string) => writeSync(2, `${line}\n`)

const [name, nth = '1'] = (process.env.WATCH_HUB_TEST_KILL ?? '').split(':')
if (name !== undefined && name !== '') {
  let left = Number(nth)
  subscribe(channelOf(name), () => {
    if (--left > 0) return
    say(`[test] dies at ${name}:${nth}`)
    process.kill(process.pid, 'SIGKILL')
  })
}
const told = process.env.WATCH_HUB_TEST_TELL
if (told !== undefined) subscribe(channelOf(told), () => say(`[test] moment ${told}`))
