/** `watch-hub restore FILE`: puts a backup in the place of the database of a hub that is stopped. The present database is kept beside it. */
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { decodeJson, object, string } from '@watch-hub/shared/protocol/decode'
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { restoreDatabase } from '../store/backup/restore.ts'
import { describeCopy } from './backup.ts'
import { command } from './command.ts'
import { defaulted } from './flags.ts'
import { text } from './values.ts'

export const restore = command({
  name: 'restore',
  about: 'put a backup in the place of the database of a hub that is stopped',
  args: [['<file>', "what 'watch-hub backup' wrote"]],
  flags: {
    data: defaulted('--data <dir>', {
      about: 'data folder of the hub',
      env: 'WATCH_HUB_DATA',
      fallback: './watch-hub-data',
      parse: text,
    }),
  },
  notes: 'Agents then compare anew: what changed since the backup is told as recovered. What receivers see: hub/docs/backup.md.',
  run: async (io, { data }, [name = '']) => {
    const dir = resolve(io.cwd, data)
    await refuseRunning(dir)
    const { kept, ...facts } = await restoreDatabase({
      copy: resolve(io.cwd, name),
      file: join(dir, 'hub.db'),
      now: Date.now(),
    })
    io.out(`restored ${dir}: ${describeCopy(facts)}`)
    if (kept !== undefined) io.out(`the database of before is kept as ${kept}`)
    io.out("Start the hub with 'watch-hub serve'. Agents come back by themselves.")
  },
})

const note = object({ url: string })

/** A hub leaves its address in its folder while it runs; one that was killed leaves it behind. */
async function refuseRunning(dir: string): Promise<void> {
  const file = join(dir, 'hub.json')
  const found = await readFile(file, 'utf8').catch(() => undefined)
  if (found === undefined) return
  const { url } = decodeJson(note, found)
  if (await answers(new URL(url)))
    throw new Error(
      `expected a hub that is stopped, but the one of ${dir} answers at ${url}: stop it first (if another program has its port, remove ${file})`,
    )
}

const patienceMs = 3_000

async function answers({ protocol, hostname, port }: URL): Promise<boolean> {
  using limit = deadline(patienceMs, { what: 'connecting to the hub' })
  const defaultPort = protocol === 'https:' ? 443 : 80
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? defaultPort : Number(port),
    signal: limit.signal,
  })
  try {
    return await new Promise<boolean>((settle) => {
      socket.once('connect', () => settle(true))
      socket.once('error', () => settle(false))
    })
  } finally {
    socket.destroy()
  }
}
