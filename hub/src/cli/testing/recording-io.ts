/** For tests: a process that is nothing but what a command wrote to it. */
import type { CliIo, Screen } from '../io.ts'
import { runCli } from '../program.ts'

export interface Surroundings {
  readonly env?: CliIo['env']
  readonly cwd?: string
  readonly screen?: Screen
}

export interface RecordingIo extends CliIo {
  readonly lines: { readonly out: readonly string[]; readonly err: readonly string[] }
  /** Absent = none was set. */
  readonly code: number | undefined
  /** What Ctrl-C does. */
  interrupt(): void
  /** Resolves when a line that was written, or will be, holds `text`. */
  seen(text: string): Promise<void>
}

export function recordingIo({ env = {}, cwd = '/nowhere', screen }: Surroundings = {}): RecordingIo {
  const lines = { out: [] as string[], err: [] as string[] }
  const stop = new AbortController()
  const waiting = new Map<string, () => void>()
  let code: number | undefined
  const note = (to: string[]) => (line: string) => {
    to.push(line)
    for (const [text, resolve] of waiting) if (line.includes(text)) resolve()
  }
  return {
    lines,
    out: note(lines.out),
    err: note(lines.err),
    env,
    cwd,
    signal: stop.signal,
    setExitCode: (given) => {
      code = given
    },
    get code() {
      return code
    },
    interrupt: () => stop.abort(new Error('interrupted')),
    seen: (text) =>
      [...lines.out, ...lines.err].some((line) => line.includes(text))
        ? Promise.resolve()
        : new Promise((resolve) => waiting.set(text, resolve)),
    ...(screen === undefined ? {} : { screen }),
  }
}

/** Runs a command line to its end. */
export async function runHere(argv: readonly string[], around: Surroundings = {}): Promise<RecordingIo> {
  const io = recordingIo(around)
  await runCli(argv, io)
  return io
}
