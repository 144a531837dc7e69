/** Changes at full speed: `count` ConfigMaps of about 1 kB, created or updated over 16 connections. */
import type { KubeClient } from '../support/kube-client.ts'
import { configMap } from '../support/objects.ts'

const connections = 16
export const filler = 'x'.repeat(700)

export interface Load {
  readonly began: number
  /** From the first request to the last answer. */
  readonly ms: number
  /** `namespace/name@rev` → when the API server had answered, as `performance.now()` tells it. */
  readonly answers: ReadonlyMap<string, number>
}

interface LoadSettings {
  readonly namespace: string
  readonly count: number
  /** @default 0 */
  readonly from?: number
}

/** Creates them with `data.rev` 1, or sets it to `rev`. */
export async function load(client: KubeClient, settings: LoadSettings, rev = 1): Promise<Load> {
  const { namespace, count, from = 0 } = settings
  const answers = new Map<string, number>()
  const began = performance.now()
  let next = from
  const work = async () => {
    while (next < from + count) {
      const name = `object-${next++}`
      if (rev === 1) await client.create('configmaps', configMap(name, { rev: '1', filler }, namespace))
      else await client.patch({ resource: 'configmaps', namespace, name }, { data: { rev: String(rev) } })
      answers.set(`${namespace}/${name}@${rev}`, performance.now())
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  return { began, ms: performance.now() - began, answers }
}
