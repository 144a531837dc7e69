/**
 * Backups of a running hub's database: one at a time, as a stream of bytes that is one moment of the database.
 *
 * The copy is made beside the database, by a process of its own (see copier.ts), and has no name any more once it is whole: however the
 * stream ends, and whatever becomes of the hub meanwhile, nothing of it stays. What a killed hub left half-made goes at the next start.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type FileHandle, open, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type MinFree, minFreeBytes, spaceOf } from '../disk.ts'
import { type Copied, copied } from './copied.ts'

export type Backup =
  /** Disposing lets the copy go; the next backup can be made then. `chunks` can be read once. */
  | ({ readonly kind: 'made'; readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> } & AsyncDisposable)
  | { readonly kind: 'refused'; readonly code: 'backup-running' | 'no-room'; readonly message: string }

export interface Backups extends AsyncDisposable {
  /** Resolves when the copy is whole. Rejects when it could not be made, or with the signal's reason. */
  make(signal: AbortSignal): Promise<Backup>
}

export interface BackupSettings {
  /** The database. */
  readonly file: string
  /** What has to stay free on its disk beside the copy: below it the store would begin to make room. And never less than 256 MiB. */
  readonly minFreeDisk: MinFree
}

const leastSpareBytes = 256 * 1024 * 1024
const chunkBytes = 256 * 1024
const copierFile = new URL(import.meta.url.endsWith('.ts') ? './copier.ts' : './copier.js', import.meta.url)

/** Removes what an earlier run left. Disposing ends a copy that is being made. */
export async function openBackups({ file, minFreeDisk }: BackupSettings): Promise<Backups> {
  const dir = dirname(file)
  const space = spaceOf(dir)
  const prefix = `${basename(file)}.backup-`
  for (const name of await readdir(dir)) if (name.startsWith(prefix)) await rm(join(dir, name), { force: true })
  const over = new AbortController()
  let running: Promise<void> | undefined

  const make = async (signal: AbortSignal): Promise<Backup> => {
    if (running !== undefined)
      return { kind: 'refused', code: 'backup-running', message: 'a backup is under way: wait for its end' }
    const ended = Promise.withResolvers<void>()
    running = ended.promise
    await using scope = new AsyncDisposableStack()
    scope.defer(() => {
      running = undefined
      ended.resolve()
    })
    const target = join(dir, `${prefix}${randomBytes(6).toString('hex')}`)
    const handle = await open(target, 'wx+', 0o600)
    scope.use(handle)
    const spare = Math.max(minFreeBytes(minFreeDisk, await space()), leastSpareBytes)
    const answer = await named(target, () => runCopier([file, target, String(spare)], AbortSignal.any([signal, over.signal])))
    if (answer.type === 'failed') throw new Error(`cannot copy ${file}: ${answer.message}`)
    if (answer.type === 'no-room') return { kind: 'refused', code: 'no-room', message: answer.message }
    const owned = scope.move()
    return { kind: 'made', bytes: answer.bytes, chunks: chunksOf(handle), [Symbol.asyncDispose]: () => owned.disposeAsync() }
  }
  return {
    make,
    [Symbol.asyncDispose]: async () => {
      over.abort(new Error('the hub stops'))
      await running
    },
  }
}

/** The file has its name only while `run` runs. */
async function named<T>(file: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } finally {
    await rm(file, { force: true })
  }
}

async function* chunksOf(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, position)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    position += bytesRead
  }
}

/** It inherits nothing of the environment: secrets may be there. */
async function runCopier(args: readonly string[], signal: AbortSignal): Promise<Copied> {
  signal.throwIfAborted()
  const child = fork(copierFile, [...args], { env: {}, execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  const kill = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    const answer = await answerOf(child)
    signal.throwIfAborted()
    return answer
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** Resolves when the process has ended. */
async function answerOf(child: ChildProcess): Promise<Copied> {
  let told: unknown
  let words = ''
  child.on('message', (message) => {
    told = message
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-2_000)
  })
  const [code, signal]: (number | string | null)[] = await once(child, 'close')
  if (told === undefined) return { type: 'failed', message: `the copying process ended with ${code ?? signal}. ${words.trim()}` }
  return copied.decode(told, 'copier')
}
