/** How the images run hub and agent: see the Dockerfiles below deploy/. What is measured is what runs. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const hubAsShipped = {
  nodeArgs: ['--max-semi-space-size=8', '--heap-growing-percent=30'],
  env: { MALLOC_ARENA_MAX: '2' },
}

export const agentAsShipped = {
  bundle: join(dirname(fileURLToPath(import.meta.url)), '../../cluster-agent/dist/watch-hub-agent.cjs'),
  nodeArgs: ['--max-semi-space-size=1', '--optimize-for-size'],
  env: { MALLOC_ARENA_MAX: '1' },
}
