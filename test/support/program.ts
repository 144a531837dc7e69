/** Our own programs as users start them: real processes, real signals, their output kept. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deadline } from '@watch-hub/shared/runtime/sleep'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const leash = new URL('./leash.ts', import.meta.url).href
export const hubProgram = join(root, 'hub/bin/watch-hub.js')
export const agentProgram = join(root, 'cluster-agent/bin/watch-hub-agent.js')

export interface Program extends AsyncDisposable {
  readonly pid: number | undefined
  /** All it wrote, both outputs together. */
  readonly output: () => string
  /** Resolves with the first line that `wanted` accepts, past ones too; rejects when it ends before, or after `ms`. */
  line(wanted: (line: string) => boolean, what: string, ms?: number): Promise<string>
  /** Sends a signal and waits for the end; the exit code, or null when the signal itself ended it. */
  end(signal: 'SIGTERM' | 'SIGKILL' | 'SIGINT'): Promise<number | null>
  /** Resolves with the exit code when it has ended. */
  readonly ended: Promise<number | null>
}

export interface ProgramOptions {
  /** Flags of Node itself. */
  readonly nodeArgs?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly onLine?: (line: string) => void
  /** true: Ctrl-C in the terminal does not reach it; whoever started it ends it, even by being killed. @default false */
  readonly ownGroup?: boolean
}

/** Runs until it ends or is disposed (SIGTERM, and SIGKILL after 15 s). */
export function startProgram(
  file: string,
  args: readonly string[],
  { nodeArgs = [], env = {}, onLine, ownGroup = false }: ProgramOptions = {},
): Program {
  const child: ChildProcess = spawn(process.execPath, [...nodeArgs, ...(ownGroup ? ['--import', leash] : []), file, ...args], {
    stdio: [ownGroup ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: ownGroup,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
  })
  const lines: string[] = []
  const watchers = new Set<() => void>()
  let rest = ''
  const take = (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    for (const part of parts) onLine?.(part)
    for (const look of [...watchers]) look()
  }
  child.stdout?.setEncoding('utf8').on('data', take)
  child.stderr?.setEncoding('utf8').on('data', take)
  let over = false
  const ended = once(child, 'close').then(([code]: (number | null)[]) => {
    over = true
    for (const look of [...watchers]) look()
    return code ?? null
  })
  const kill = async (signal: NodeJS.Signals) => {
    if (!over) child.kill(signal)
    return ended
  }
  return {
    pid: child.pid,
    output: () => lines.join('\n'),
    line: async (wanted, what, ms = 30_000) => {
      using limit = deadline(ms, { what })
      return await new Promise((resolve, reject) => {
        const stop = (error: Error) => {
          watchers.delete(look)
          reject(error)
        }
        const look = () => {
          const found = lines.find(wanted)
          if (found !== undefined) {
            watchers.delete(look)
            resolve(found)
          } else if (over) stop(new Error(`the program ended before ${what}:\n${lines.slice(-20).join('\n')}`))
        }
        limit.signal.addEventListener('abort', () =>
          stop(new Error(`no ${what} within ${ms} ms:\n${lines.slice(-20).join('\n')}`)),
        )
        watchers.add(look)
        look()
      })
    },
    end: kill,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (over) return
      using _hard = deadlineKill(child)
      await kill('SIGTERM')
    },
  }
}

function deadlineKill(child: ChildProcess): Disposable {
  const limit = deadline(15_000)
  limit.signal.addEventListener('abort', () => child.kill('SIGKILL'), { once: true })
  return limit
}
