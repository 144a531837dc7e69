/** The hub's process: arguments and environment in, signals to an abort, exit code out. A second signal ends it at once. */
import type { CliIo, Screen } from './cli/io.ts'
import { runCli } from './cli/program.ts'

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(1)
    stop.abort(new Error(`received ${name}`))
  })

/** A reader that went away, as `head` does, ends the command quietly. */
process.stdout.on('error', () => stop.abort(new Error('nobody reads the output any more')))

const screen: Screen = {
  get rows() {
    return process.stdout.rows
  },
  get columns() {
    return process.stdout.columns
  },
  write: (text) => process.stdout.write(text),
}

const io: CliIo = {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  env: process.env,
  cwd: process.cwd(),
  signal: stop.signal,
  setExitCode: (code) => {
    process.exitCode = code
  },
  memoryBytes: () => process.memoryUsage.rss(),
  ...(process.stdout.isTTY ? { screen } : {}),
}

await runCli(process.argv.slice(2), io)
