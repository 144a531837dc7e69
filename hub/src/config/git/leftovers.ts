/**
 * Git hands transfers to helpers and does not take them along when it is killed: one that waits for a silent server would stay for minutes.
 * Here they are found by a mark in their environment, and ended. Linux tells environments in /proc; elsewhere this finds nothing, and
 * helpers end with their own time-outs.
 */
import { readdir, readFile } from 'node:fs/promises'
import { kill } from 'node:process'
import { sleep } from '@watch-hub/shared/runtime/sleep'

export const markVariable = 'WATCH_HUB_GIT_RUN'

const tries = 100
const pauseMs = 10

/** Resolves when no process with this mark is left, or after a second of trying. */
export async function endLeftovers(mark: string): Promise<void> {
  for (let i = 0; i < tries; i++) {
    const found = await marked(mark)
    if (found.length === 0) return
    for (const pid of found) endOne(pid)
    await sleep(pauseMs)
  }
}

async function marked(mark: string): Promise<readonly number[]> {
  const names = await readdir('/proc').catch(() => [])
  const pids = names.filter((name) => /^\d+$/.test(name))
  const has = async (pid: string) => {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '') // it has ended, or is none of ours
    return environment.split('\0').includes(`${markVariable}=${mark}`)
  }
  const hits = await Promise.all(pids.map(has))
  return pids.filter((_pid, i) => hits[i]).map(Number)
}

function endOne(pid: number): void {
  try {
    kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error // it ended by itself meanwhile
  }
}
