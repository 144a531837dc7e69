/**
 * `watch-hub backup FILE`: one moment of a running hub's database, as one file. It gets its name once all of it is on disk and was looked at;
 * whatever goes wrong before leaves no file, and one that was there as it was.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type CopyFacts, inspectCopy } from '../store/backup/inspect.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { onOff, UsageError } from './flags.ts'
import { connectHub, type Download, type HubClient } from './hub-client.ts'
import { clockTime } from './output.ts'

export const backup = command({
  name: 'backup',
  about: "copy a running hub's database into a file",
  args: [['<file>', 'the file to write']],
  flags: { force: onOff('--force', { about: 'replace the file if it is there' }), ...hubFlags },
  notes:
    "The file holds all objects that the hub knows and its agents' public keys: keep it as safe as the hub's disk.\n'watch-hub restore' puts it in place. Config and secrets are not in it.",
  run: async (io, { force, ...where }, [name = '']) => {
    const file = resolve(io.cwd, name)
    await refusePresent(file, force)
    const facts = await fetchBackup(await connectHub(io, where), file)
    io.out(`${file}: ${describeCopy(facts)}`)
  },
})

/** `1.2 MB, 412 objects, newest change 2026-11-23T20:00:00.000Z` */
export const describeCopy = ({ bytes, objects, head }: CopyFacts): string =>
  [
    `${(bytes / 1e6).toFixed(1)} MB`,
    `${objects} ${objects === 1 ? 'object' : 'objects'}`,
    head === 0 ? 'no change yet' : `newest change ${clockTime(Math.floor(head / 1_000))} (sequence ${head})`,
  ].join(', ')

async function refusePresent(file: string, force: boolean): Promise<void> {
  const present = await stat(file).catch(() => undefined)
  if (present?.isDirectory()) throw new UsageError(`expected a file to write, got the folder ${file}`)
  if (present !== undefined && !force) throw new UsageError(`${file} is there already: name another file, or give --force`)
}

async function fetchBackup(hub: HubClient, file: string): Promise<CopyFacts> {
  const part = `${file}.part-${randomBytes(4).toString('hex')}`
  try {
    await using handle = await open(part, 'wx', 0o600)
    await write(handle, await hub.download('api/v1/backup'), hub.url)
    await handle.sync()
    const facts = await inspectCopy(part, `the backup from ${hub.url}`)
    await rename(part, file)
    await syncFolder(dirname(file))
    return facts
  } finally {
    await rm(part, { force: true })
  }
}

async function write(handle: FileHandle, { bytes, chunks }: Download, url: string): Promise<void> {
  let written = 0
  for await (const chunk of chunks) {
    await handle.writeFile(chunk)
    written += chunk.byteLength
  }
  if (bytes === undefined || written !== bytes)
    throw new Error(`expected ${bytes ?? 'a told number of'} bytes of backup from ${url}, got ${written}: the answer was cut`)
}

/** The new name is on disk too. */
async function syncFolder(dir: string): Promise<void> {
  await using handle = await open(dir, 'r')
  await handle.sync()
}
