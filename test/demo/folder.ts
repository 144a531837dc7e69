/**
 * The demo's folder: emptied and made anew at each start, kept afterwards. Only a folder that a demo made is emptied, and never under a demo
 * that runs.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Not a failure of the program: something that whoever started it can put right. Its text is all they need. */
export class CannotStart extends Error {}

/** Disposing frees the folder for the next demo. */
export async function takeFolder(dir: string): Promise<AsyncDisposable> {
  const pidFile = join(dir, 'demo.pid')
  const names = await readdir(dir).catch((): string[] => [])
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''))
  if (pid > 0 && isRunning(pid))
    throw new CannotStart(`a demo runs in ${dir} already, as process ${pid}: stop it first (or remove ${pidFile} if it is none)`)
  if (names.length > 0 && !names.includes('config-repo') && !names.includes('demo.pid'))
    throw new CannotStart(`expected ${dir} to be empty or a demo's folder, found ${names.slice(0, 3).join(', ')}: name another`)
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  await writeFile(pidFile, String(process.pid))
  return { [Symbol.asyncDispose]: () => rm(pidFile, { force: true }) }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
