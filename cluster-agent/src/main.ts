/** The agent's process: arguments in, signals to aborts, exit codes out. 0 = stopped on request, 1 = cannot go on, 2 = wrong flags. */
import { createLog, describeError } from '@watch-hub/shared/runtime/log'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { startAgent, type Usage } from './agent.ts'
import { type AgentSettings, parseArgs } from './settings.ts'

const parsed = parseArgs({ args: process.argv.slice(2), env: process.env })
if (parsed.kind === 'exit') {
  process.stdout.write(parsed.out)
  process.stderr.write(parsed.err)
  process.exitCode = parsed.code
} else void run(parsed.settings) // not awaited here: the bundle is CommonJS, which has no top-level await

async function run(settings: AgentSettings): Promise<void> {
  const log = createLog((line) => process.stderr.write(line), settings.logLevel)
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort(new Error(`received ${name}`)))
  const stopped = new Promise<'stopped'>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve('stopped'), { once: true })
  })
  try {
    await using agent = await startAgent(settings, { log, sleep, usage }, stop.signal)
    await Promise.race([agent.done, stopped])
    if (stop.signal.aborted) log.info('stopping', { cluster: settings.cluster })
  } catch (error) {
    if (stop.signal.aborted) return
    log.error('the agent cannot go on', { error: describeError(error) })
    process.exitCode = 1
  }
}

function usage(): Usage {
  const { user, system } = process.cpuUsage()
  return {
    memoryBytes: process.memoryUsage.rss(),
    cpuMs: Math.round((user + system) / 1_000),
    uptimeMs: Math.round(process.uptime() * 1_000),
  }
}
