import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { startProgram } from './program.ts'

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a program in a group of its own ends when the one that started it is killed, also when it is silent', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-program-'))
  t.after(() => rm(dir, { recursive: true }))
  const silent = join(dir, 'silent.mjs')
  const starter = join(dir, 'starter.mjs')
  await writeFile(silent, "console.log('pid', process.pid); setInterval(() => {}, 1_000)")
  await writeFile(
    starter,
    `import { startProgram } from ${JSON.stringify(new URL('./program.ts', import.meta.url).href)}
    await startProgram(${JSON.stringify(silent)}, [], { ownGroup: true, onLine: console.log }).ended`,
  )
  await using program = startProgram(starter, [])
  const pid = Number((await program.line((line) => line.startsWith('pid '), 'the pid')).slice(4))
  t.after(() => isRunning(pid) && process.kill(pid, 'SIGKILL'))
  assert.ok(isRunning(pid))
  await program.end('SIGKILL')
  const until = performance.now() + 10_000
  while (isRunning(pid) && performance.now() < until) await sleep(20)
  assert.equal(isRunning(pid), false)
})
