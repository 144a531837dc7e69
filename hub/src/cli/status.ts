/** `watch-hub status`: the whole hub at a glance, once or again every second. */

import { describeError } from '@watch-hub/shared/runtime/log'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { isAbort } from '@watch-hub/shared/runtime/task'
import { hubStatus } from '../http/wire.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { onOff, output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import type { CliIo } from './io.ts'
import { json, printable } from './output.ts'
import { statusText } from './status-text.ts'

const everyMs = 1_000

const flags = {
  watch: onOff('-w, --watch', { about: 'show it anew every second, until Ctrl-C' }),
  output: output('json'),
  ...hubFlags,
}

export const status = command({
  name: 'status',
  about: 'what runs: config, clusters with their streams, endpoints',
  flags,
  run: async (io, { watch, output, ...where }) => {
    const hub = await connectHub(io, where)
    const read = async (): Promise<readonly string[]> => {
      const now = await hub.get('api/v1/status', hubStatus)
      return output === 'json' ? [json(now)] : statusText(now, Date.now())
    }
    if (watch) await repeat(io, read)
    else for (const line of await read()) io.out(line)
  },
})

/** A hub that is away for a moment is shown, not the end. */
async function repeat(io: CliIo, read: () => Promise<readonly string[]>): Promise<void> {
  const readOrSayWhy = () =>
    read().catch((error: unknown) => {
      if (isAbort(error, io.signal)) throw error
      return cutInto(describeError(error), io.screen?.columns ?? Number.POSITIVE_INFINITY)
    })
  try {
    for (;;) {
      show(io, await readOrSayWhy())
      await sleep(everyMs, io.signal)
    }
  } catch (error) {
    if (!isAbort(error, io.signal)) throw error
  }
}

/** Lines of at most `columns`. */
function cutInto(text: string, columns: number): readonly string[] {
  if (text.length <= columns) return [text]
  return [text.slice(0, columns), ...cutInto(text.slice(columns), columns)]
}

const home = '\u001b[H'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'

/** In place on a terminal, cut to its size; one below the other elsewhere. */
function show({ screen, out }: CliIo, lines: readonly string[]): void {
  if (screen === undefined) {
    for (const line of lines) out(line)
    return
  }
  const fitting = lines.flatMap((line) => line.split('\n')).slice(0, screen.rows - 1)
  const text = fitting.map((line) => `${printable(line).slice(0, screen.columns)}${clearLine}\n`).join('')
  screen.write(`${home}${text}${clearBelow}`)
}
