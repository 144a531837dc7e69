/**
 * What tracing costs: the hub alone as in hub-alone.ts, without tracing, as it is by default in a burst, and with every event recorded, in turns,
 * with a collector that only takes what comes; and what an agent holds beside each of the three.
 */
import { otelSettings } from '@watch-hub/hub/telemetry/otel-env'
import { startTracing } from '@watch-hub/hub/telemetry/tracing'
import { silentLog } from '@watch-hub/shared/runtime/log'
import type { Cluster } from '../../support/cluster.ts'
import { configMap } from '../../support/objects.ts'
import { filler } from '../load.ts'
import { mb, perSecond, quantile } from '../numbers.ts'
import { memoryOf } from '../process-memory.ts'
import { startStage } from '../stage.ts'
import { framesOf } from '../store.ts'
import { entriesPerFrame, run, type Shape } from './hub-alone.ts'
import { openSink, type Sink } from './sink.ts'

const manners = {
  off: { OTEL_TRACES_EXPORTER: 'none' },
  default: { OTEL_TRACES_EXPORTER: 'otlp' },
  'always on': { OTEL_TRACES_EXPORTER: 'otlp', OTEL_TRACES_SAMPLER: 'always_on' },
}
type Manner = keyof typeof manners
const names: readonly Manner[] = ['off', 'default', 'always on']

const rounds = 5
const objects = 10_000
const shapes: readonly Shape[] = [
  { endpoints: 1, concurrency: 4, rows: 60_000 },
  { endpoints: 10, concurrency: 4, rows: 24_000 },
]

export async function benchTracing(cluster: Cluster): Promise<void> {
  await using sink = await openSink()
  await using collector = await openSink()
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = new URL(collector.url).origin
  for (const shape of shapes) console.log(await measure(sink, shape))
  await agentMemory(cluster)
}

async function measure(sink: Sink, shape: Shape): Promise<string> {
  const frames = framesOf(shape.rows, entriesPerFrame)
  const events = frames.length * entriesPerFrame * shape.endpoints
  const rates = new Map<Manner, number[]>(names.map((name) => [name, []]))
  const costs = new Map<Manner, number[]>(names.map((name) => [name, []]))
  const told = new Map<Manner, string>()
  for (let round = 0; round <= rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      let spans = ''
      const before = process.cpuUsage()
      const { ms: took } = await run(
        { sink, shape, trace: (store) => tracersOf(name, store, (figures) => (spans = figures)) },
        frames,
      )
      const { user, system } = process.cpuUsage(before)
      if (round === 0) continue // it warms up
      rates.get(name)?.push(perSecond(events, took))
      costs.get(name)?.push((user + system) / events)
      told.set(name, spans)
    }
  const median = (name: Manner) => quantile(rates.get(name) ?? [], 0.5)
  const cost = (name: Manner) => quantile(costs.get(name) ?? [], 0.5)
  const parts = names.map((name) => {
    const more = Math.round(100 * (cost(name) / cost('off') - 1))
    const all = (rates.get(name) ?? []).toSorted((a, b) => a - b)
    return `${name} ${median(name)} deliveries/s (${all[0]} to ${all.at(-1)}), ${cost(name).toFixed(1)} µs of processor each (${more >= 0 ? '+' : ''}${more} %)${told.get(name)}`
  })
  return `tracing, ${shape.endpoints} endpoint${shape.endpoints === 1 ? '' : 's'}, ${rounds} rounds in turns, medians (aim: default costs ≤ 10 %): ${parts.join('; ')}`
}

function tracersOf(name: Manner, store: Parameters<typeof startTracing>[0]['store'], tell: (spans: string) => void) {
  const tracing = startTracing({ store, log: silentLog }, { ...otelSettings(manners[name]), keepsFailures: true })
  return {
    ...tracing,
    async [Symbol.asyncDispose]() {
      await tracing[Symbol.asyncDispose]()
      const { exported, dropped, failed } = tracing.figures()
      if (exported + dropped + failed > 0) tell(`, ${exported} spans exported, ${dropped} dropped, ${failed} failed`)
    },
  }
}

/** An agent draws ids whatever the hub does with them. */
async function agentMemory({ simulator, ...cluster }: Cluster): Promise<void> {
  if (process.platform !== 'linux' || simulator === undefined) return
  for (let i = 0; i < objects; i++) simulator.create('configmaps', configMap(`object-${i}`, { rev: '1', filler }))
  for (const name of names) {
    await using stage = await startStage({ cluster, endpoint: { batch: { maxObjects: 1_000 } }, hubEnv: manners[name] })
    const agent = await stage.startAgent()
    await stage.receiver.waitFor(() => stage.arrivals.size >= objects, 'the last of the first sync', 120_000)
    const { now, peak } = await memoryOf(agent.pid)
    console.log(`memory of the agent at ${objects} objects, tracing ${name}: ${mb(now)} now, ${mb(peak)} at most`)
  }
}
