/**
 * `npm start`: Watch Hub on this machine, with two clusters in which things happen, a config repo to edit, and a receiver that prints what it is
 * sent. SIGINT or SIGTERM ends all of it; exit code 0, and only its folder stays. 1 = it could not start, or something in it failed.
 */
import { isAbsolute, relative, resolve } from 'node:path'
import { describeError } from '@watch-hub/shared/runtime/log'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { CannotStart } from './folder.ts'
import { round } from './happenings.ts'
import { aside, type Print, receivedLines } from './print.ts'
import { type Demo, setUp } from './set-up.ts'
import { watchConfig } from './watch-config.ts'
import { type Scene, whatRuns, whatToTry } from './words.ts'

const everyMs = 3_000
const print: Print = (line) => process.stdout.write(`${line}\n`)
const printAll = (lines: readonly string[]) => print(['', ...lines, ''].join('\n'))

/** Reminds of what to try after each other round. */
async function happen({ prod, stage }: Demo, scene: Scene, signal: AbortSignal): Promise<never> {
  for (let number = 1; ; number++) {
    for (const { cluster, what, run } of round(number)) {
      await sleep(everyMs, signal)
      const place = { prod, stage }[cluster]
      print(aside(`${place.name}: ${what}`))
      await run(place)
    }
    if (number % 2 === 0) printAll(whatToTry(scene))
  }
}

/** The first deliveries come while the second agent starts; they are shown below the words that explain them. */
function heldBack(): { readonly print: Print; release(): void } {
  let held: string[] | undefined = []
  return {
    print: (line) => {
      if (held === undefined) print(line)
      else held.push(line)
    },
    release: () => {
      for (const line of held ?? []) print(line)
      held = undefined
    },
  }
}

const shownPath = (path: string): string => {
  const shown = relative(process.cwd(), path)
  return shown.startsWith('..') || isAbsolute(shown) ? path : shown
}

async function main(signal: AbortSignal): Promise<void> {
  const dir = resolve(process.env.WATCH_HUB_DEMO_DIR ?? 'demo')
  const assets = process.env.KUBEBUILDER_ASSETS || undefined
  print('starting the hub, two clusters and their agents ...')
  const deliveries = heldBack()
  // A Ctrl-C reaches some of what is being started, too: what fails then is no failure.
  const starting = setUp({ dir, assets, onReceived: (received) => receivedLines(received).forEach(deliveries.print) })
  await using demo = await starting.catch((error: unknown) => {
    if (!signal.aborted) throw error
    return undefined
  })
  if (demo === undefined || signal.aborted) return
  const { world, receiverUrl, realClusters } = demo
  const dataFlag = process.env.WATCH_HUB_DEMO_DIR === undefined ? '' : ` --data ${shownPath(world.dataDir)}`
  const scene: Scene = { dir: shownPath(dir), hubUrl: world.url, receiverUrl, realClusters, dataFlag }
  printAll([...whatRuns(scene), '', ...whatToTry(scene)])
  deliveries.release()

  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const part = (running: Promise<never>) => running.catch((error: unknown) => failed.abort(error))
  const hubEnded = (code: number | null) =>
    failed.abort(new Error(`the hub ended with code ${code}: its last words are in ${scene.dir}/hub.log`))
  world.hub().ended.then(hubEnded, (error: unknown) => failed.abort(error))
  await Promise.all([part(happen(demo, scene, either)), part(watchConfig(world, print, either))])
  print('stopping ...')
  if (!signal.aborted) throw failed.signal.reason
}

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort(new Error(`received ${name}`)))
try {
  await main(stop.signal)
  print(`stopped; what it left is in ${shownPath(resolve(process.env.WATCH_HUB_DEMO_DIR ?? 'demo'))}`)
} catch (error) {
  process.stderr.write(`the demo cannot go on: ${error instanceof CannotStart ? error.message : describeError(error)}\n`)
  process.exitCode = 1
}
