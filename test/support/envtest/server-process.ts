/**
 * One server as a child process: it is either running or has ended, and whoever disposes it waits for the real end.
 * Ends are abrupt (SIGKILL): what these servers keep is made for that, and a test must not wait for good manners.
 * What a server says goes to its log file; the end of that file is quoted when it ends unasked.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { access, open, readFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { basename } from 'node:path'
import { sleep } from '@watch-hub/shared/runtime/sleep'

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number | undefined
  /** Settles with "code 1" or "SIGKILL" when it has ended; never rejects. */
  readonly ended: Promise<string>
  /** Polls `probe` until it says true. Rejects with the end of the log when the process ends first, or with the signal's reason. */
  until(probe: () => Promise<boolean>, signal?: AbortSignal): Promise<void>
}

export interface ServerCommand {
  readonly file: string
  readonly args: readonly string[]
  /** Appended to, so that it tells of restarts too. */
  readonly logFile: string
}

/** Nothing inherited: etcd reads any flag from ETCD_…, and a proxy setting has no place between two local servers. */
const environment = arch() === 'arm64' ? { ETCD_UNSUPPORTED_ARCH: 'arm64' } : {} // without it an etcd before 3.5 refuses to run there

/** How long between two looks at a server that is starting. */
const probeEveryMs = 50

export async function startProcess(command: ServerCommand): Promise<ServerProcess> {
  const [file, ...args] = await diesWithUs([command.file, ...command.args])
  await using log = await open(command.logFile, 'a', 0o600)
  const child = spawn(file, args, { stdio: ['ignore', log.fd, log.fd], env: environment })
  await once(child, 'spawn')
  const ended = once(child, 'exit').then(([code, signal]) => (signal === null ? `code ${code}` : String(signal)))
  let running = true
  void ended.then(() => {
    running = false
  })

  return {
    pid: child.pid,
    ended,
    until: async (probe, signal) => {
      while (running) {
        if (await Promise.race([probe(), ended.then(() => false)])) return
        await Promise.race([sleep(probeEveryMs, signal), ended])
      }
      throw new Error(`${basename(command.file)} ended with ${await ended}; its last words:\n${await lastWords(command.logFile)}`)
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Where setpriv is there (any Linux), the kernel ends the server with this process, however that dies. It execs, so the pid is the server's. */
async function diesWithUs(command: readonly [string, ...string[]]): Promise<readonly [string, ...string[]]> {
  const setpriv = '/usr/bin/setpriv'
  const there = await access(setpriv, constants.X_OK).then(
    () => true,
    () => false,
  )
  return there ? [setpriv, '--pdeathsig', 'KILL', '--', ...command] : command
}

const lastWords = async (logFile: string): Promise<string> => (await readFile(logFile, 'utf8')).slice(-2_000)
