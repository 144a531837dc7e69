/**
 * An endpoint that costs as little as one can: a process of its own that reads what comes, looks into nothing and answers 204; or does so late, or
 * every other time only. Started by `openSink`.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { sleep } from '@watch-hub/shared/runtime/sleep'

/** `slow`: answers after two seconds. `flapping`: answers for five seconds, then refuses with 503 for five, and so on. */
export type Manner = 'prompt' | 'slow' | 'flapping'

export interface Sink extends AsyncDisposable {
  readonly url: string
  /** Prompt from now on. */
  mend(): void
}

interface SinkSettings {
  /** @default prompt */
  readonly manner?: Manner
  /** @default any free one */
  readonly port?: number
}

export async function openSink({ manner = 'prompt', port = 0 }: SinkSettings = {}): Promise<Sink> {
  const child = fork(fileURLToPath(import.meta.url), [manner, String(port)], { execArgv: [] })
  const [listens] = await once(child, 'message')
  return {
    url: `http://127.0.0.1:${listens}/hook`,
    mend: () => void child.send('mend'),
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}

const slowMs = 2_000
const flapMs = 5_000

function serve(first: string, port: number): void {
  let manner = first
  const began = performance.now()
  const answer = async (response: ServerResponse): Promise<void> => {
    if (manner === 'slow') await sleep(slowMs)
    const isDown = manner === 'flapping' && Math.floor((performance.now() - began) / flapMs) % 2 === 1
    response.writeHead(isDown ? 503 : 204).end()
  }
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => void answer(response))
  })
  server.keepAliveTimeout = 60_000
  server.listen(port, '127.0.0.1', () => {
    const address = server.address()
    if (typeof address === 'object' && address !== null) process.send?.(address.port)
  })
  process.on('message', () => {
    manner = 'prompt'
  })
  process.on('disconnect', () => process.exit())
}

if (import.meta.main) serve(process.argv[2] ?? '', Number(process.argv[3]))
