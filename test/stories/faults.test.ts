import assert from 'node:assert/strict'
import { test } from 'node:test'
import { report, run } from '../faults/run.ts'

/** Always the same ones; `npm run faults` plays others. */
const schedules = 300

test(`${schedules} random schedules of changes and breaks end with every receiver knowing the truth`, {
  timeout: 900_000,
}, async () => {
  const failures = await run({ seed: 1, schedules, concurrency: 4, shrinkMs: 60_000 })
  assert.equal(failures.map(report).join('\n\n'), '')
})
