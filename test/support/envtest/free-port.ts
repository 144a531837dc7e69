/**
 * Loopback ports for servers that cannot tell which port they got.
 *
 * They lie below the range from which Linux takes the ports of outgoing connections (32768 and up), so a port that is free
 * stays free until the server listens on it, and again while it is restarted.
 */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

const [lowest, highest] = [10_000, 32_767]
const attempts = 100

export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const port = randomInt(lowest, highest + 1)
    if (await isFree(port)) return port
  }
  throw new Error(`expected a free port of 127.0.0.1 between ${lowest} and ${highest}, found none in ${attempts} attempts`)
}

async function isFree(port: number): Promise<boolean> {
  await using server = createServer()
  server.listen(port, '127.0.0.1')
  return await once(server, 'listening').then(
    () => true,
    () => false,
  )
}
