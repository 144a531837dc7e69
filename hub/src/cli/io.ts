/** All that a command touches of the process it runs in. `main.ts` gives the real one, tests a recording one. */
export interface CliIo {
  /** Writes one line for the reader, or for the next program in a pipe. */
  readonly out: (line: string) => void
  /** Writes one line about what went wrong. */
  readonly err: (line: string) => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths count from. */
  readonly cwd: string
  /** Aborts when the user wants the command to end. */
  readonly signal: AbortSignal
  /** 0 = done, 1 = the command's answer is no, 2 = used wrongly. */
  setExitCode(code: number): void
  /** Resident memory of the process. */
  readonly memoryBytes?: () => number
  /** The terminal that `out` goes to; absent when it goes to a file or a pipe. */
  readonly screen?: Screen
}

export interface Screen {
  readonly rows: number
  readonly columns: number
  /** As it is, escape sequences too. */
  write(text: string): void
}
