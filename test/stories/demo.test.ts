/** The demo as people start it: a process, its output, Ctrl-C. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { type Program, startProgram } from '../support/program.ts'

const demoProgram = join(dirname(fileURLToPath(import.meta.url)), '../demo/main.ts')
const run = promisify(execFile)

async function temporaryFolder(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-demo-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const startDemo = (dir: string): Program => startProgram(demoProgram, [], { env: { WATCH_HUB_DEMO_DIR: dir } })

/** Command lines of hub and agents: they hold the demo's folder. Minimal Linux systems have no ps, others no /proc. */
async function processesOf(dir: string): Promise<readonly string[]> {
  const lines =
    process.platform === 'linux' ? await commandLines() : (await run('ps', ['-A', '-ww', '-o', 'args='])).stdout.split('\n')
  return lines.filter((line) => line.includes(dir))
}

async function commandLines(): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))) // it may end meanwhile
}

test('the demo delivers, follows a commit, refuses a bad one, and ends with exit code 0 and no process left', async (t) => {
  const dir = await temporaryFolder(t)
  await using demo = startDemo(dir)
  await demo.line(
    (line) => /dns +created \(initial\) +prod-eu-1 +Service web\/front +203\.0\.113\.10/.test(line),
    'a service',
    60_000,
  )
  await demo.line((line) => /cmdb +created +stage-eu-1 +Node stage-eu-1-worker-1/.test(line), 'a node')
  assert.equal((await processesOf(dir)).length, 3, 'expected a hub and two agents')

  const repo = join(dir, 'config-repo')
  const watch = join(repo, 'watches/load-balancers.yaml')
  const text = await readFile(watch, 'utf8')
  await writeFile(watch, text.replace(/^ {2}clusters:.*\n/m, ''))
  await run('git', ['commit', '-qam', 'Load balancers everywhere'], { cwd: repo })
  await demo.line(
    (line) => /dns +created \(initial\) +stage-eu-1 +Service web\/front/.test(line),
    'the same in the other cluster',
  )
  await demo.line((line) => / is live$/.test(line), 'the live commit')

  await writeFile(watch, text.replace('resources: [services]', 'resources: services'))
  await run('git', ['commit', '-qam', 'A mistake'], { cwd: repo })
  await demo.line((line) => line.includes('is REJECTED'), 'the refused commit')
  await demo.line((line) => line.includes('watches/load-balancers.yaml:7'), 'the place of the mistake')

  assert.equal(await demo.end('SIGINT'), 0, demo.output())
  assert.deepEqual(await processesOf(dir), [])
  assert.deepEqual((await readdir(dir)).sort(), [
    'agent-prod-eu-1',
    'agent-prod-eu-1.log',
    'agent-stage-eu-1',
    'agent-stage-eu-1.log',
    'clusters',
    'config-repo',
    'hub-data',
    'hub.log',
    'secrets',
  ])
})

test('a demo that is killed takes its hub and agents along', async (t) => {
  const dir = await temporaryFolder(t)
  await using demo = startDemo(dir)
  await demo.line((line) => line.includes('Ctrl-C ends everything'), 'the running demo', 60_000)
  assert.equal((await processesOf(dir)).length, 3, 'expected a hub and two agents')
  await demo.end('SIGKILL')
  const until = performance.now() + 20_000
  while ((await processesOf(dir)).length > 0 && performance.now() < until) await sleep(100)
  assert.deepEqual(await processesOf(dir), [])
})

test('a folder that holds something else is left alone', async (t) => {
  const dir = await temporaryFolder(t)
  await writeFile(join(dir, 'thesis.txt'), 'years of work')
  await using demo = startDemo(dir)
  assert.equal(await demo.ended, 1)
  assert.match(demo.output(), /expected .* to be empty or a demo's folder, found thesis\.txt: name another/)
  assert.equal(await readFile(join(dir, 'thesis.txt'), 'utf8'), 'years of work')
})
