/**
 * `npm run faults -- --schedules N --seed S`: plays N schedules from seed S on. Without a seed, a random one. What fails is printed with its steps, made
 * small, and with the line that runs it again. Exit code 1 when something failed.
 */
import { parseArgs } from 'node:util'
import { report, run } from './run.ts'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    concurrency: { type: 'string', default: '3' },
    shrink: { type: 'string', default: '60' },
  },
})

const failures = await run({
  seed: Number(values.seed),
  schedules: Number(values.schedules),
  concurrency: Number(values.concurrency),
  shrinkMs: Number(values.shrink) * 1_000,
  onPlayed: ({ seed, outcome, ms }) => console.log(`seed ${seed}: ${outcome.kind} after ${Math.round(ms)} ms`),
})
for (const failure of failures) console.log(report(failure))
// At once: connections that a fault left half-open have nobody to wait for.
process.exit(failures.length > 0 ? 1 : 0)
