/** The command line as a whole: `watch-hub COMMAND …`. Each command has its own file. */
import { release } from '@watch-hub/shared/protocol/version'
import { describeError } from '@watch-hub/shared/runtime/log'
import { isAbort } from '@watch-hub/shared/runtime/task'
import { backup } from './backup.ts'
import { cluster } from './cluster.ts'
import { runProgram } from './command.ts'
import { deadLetters } from './dead-letters.ts'
import { endpoint } from './endpoint.ts'
import { events } from './events.ts'
import { fetch } from './fetch.ts'
import type { CliIo } from './io.ts'
import { printable } from './output.ts'
import { receive } from './receive.ts'
import { restore } from './restore.ts'
import { schema } from './schema.ts'
import { serve } from './serve.ts'
import { status } from './status.ts'
import { trace } from './trace.ts'
import { validate } from './validate.ts'
import { why } from './why.ts'

const spec = {
  name: 'watch-hub',
  about: 'Tells the systems outside Kubernetes what happens to the resources inside many clusters.',
  version: release,
  commands: [
    serve,
    validate,
    schema,
    status,
    cluster,
    endpoint,
    deadLetters,
    events,
    trace,
    why,
    fetch,
    backup,
    restore,
    receive,
  ],
}

/** Ended by the user, as shells say it for SIGINT. */
const interrupted = 130

/** Never throws: what goes wrong is printed, with an exit code (`CliIo.setExitCode`). What is printed cannot steer a terminal. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<void> {
  const safe: CliIo = { ...io, out: (line) => io.out(printable(line)), err: (line) => io.err(printable(line)) }
  try {
    await runProgram(spec, argv, safe)
  } catch (error) {
    if (isAbort(error, io.signal)) return io.setExitCode(interrupted)
    safe.err(`error: ${describeError(error)}`)
    io.setExitCode(1)
  }
}
