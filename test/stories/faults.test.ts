import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../faults/main.ts', import.meta.url))
/** Always the same ones; `npm run faults` plays others. */
const schedules = 300
const processes = 2

/** What it printed, if something failed. */
const play = (first: number, count: number): Promise<string> =>
  new Promise((resolve) => {
    const args = [program, '--seed', String(first), '--schedules', String(count), '--concurrency', '2']
    execFile(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      resolve(error === null ? '' : `${out}\n${err}`)
    })
  })

test(`${schedules} random schedules of changes and breaks end with every receiver knowing the truth`, {
  timeout: 900_000,
}, async () => {
  const each = schedules / processes
  const failures = await Promise.all(Array.from({ length: processes }, (_, i) => play(1 + i * each, each)))
  assert.equal(failures.join(''), '')
})
