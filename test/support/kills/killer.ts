/** Kills the processes of a stage and counts: at a moment of their own, or whatever they are doing. */
import { deadline } from '@watch-hub/shared/runtime/sleep'
import { type Deadly, killAt, lastWordOf } from '../kill-at.ts'
import type { Program } from '../program.ts'
import type { Stage, Town } from './stage.ts'

type Victim = 'hub' | Town

export interface Killer {
  /** What was killed, and when: `hub frame-stored:2`, `agent-east at random`. */
  readonly kills: readonly string[]
  /** Starts it, in place of what runs, so that it dies at that moment; resolves when it has. Rejects when it did not, or died otherwise. */
  diesAt(victim: Victim, deadly: Deadly): Promise<void>
  /** Kills it now; nothing when it does not run. */
  strike(victim: Victim): Promise<void>
  /** Tells it to end, and waits until it has. */
  stop(victim: Victim): Promise<void>
  /** Starts it to live; nothing when it runs. `atOnce`: does not wait until it works. */
  revive(victim: Victim, options?: { readonly atOnce: boolean }): Promise<void>
}

const patienceMs = 60_000

export function createKiller({ world, towns, env }: Pick<Stage, 'world' | 'towns' | 'env'>): Killer {
  const kills: string[] = []
  const running = new Map<Victim, Program>([['hub', world.hub()], ...towns.map((town) => [town, agentOf(town)] as const)])
  const nameOf = (victim: Victim) => (victim === 'hub' ? 'hub' : `agent-${victim.cluster.name}`)

  function agentOf(town: Town): Program {
    return world.agent(town.cluster.name)
  }
  const start = async (victim: Victim, deadly: Deadly | undefined, atOnce: boolean): Promise<Program> => {
    const options = { env: { ...env, ...killAt(deadly) }, atOnce }
    if (victim === 'hub') await world.startHub(options)
    else await world.startAgent(victim.cluster, options)
    const program = victim === 'hub' ? world.hub() : agentOf(victim)
    running.set(victim, program)
    return program
  }
  const strike = async (victim: Victim) => {
    const program = running.get(victim)
    if (program === undefined) return
    running.delete(victim)
    const code = await program.end('SIGKILL')
    if (code !== null) throw new Error(`${nameOf(victim)} had ended by itself, exit code ${code}:\n${tail(program)}`)
    kills.push(`${nameOf(victim)} at random`)
  }

  return {
    kills,
    strike,
    stop: async (victim) => {
      const program = running.get(victim)
      if (program === undefined) return
      running.delete(victim)
      const code = await program.end('SIGTERM')
      if (code !== 0) throw new Error(`${nameOf(victim)}: expected exit code 0 after SIGTERM, got ${code}:\n${tail(program)}`)
    },
    revive: async (victim, { atOnce = false } = { atOnce: false }) => {
      if (!running.has(victim)) await start(victim, undefined, atOnce)
    },
    diesAt: async (victim, deadly) => {
      const what = `${nameOf(victim)} ${deadly.moment}:${deadly.nth}`
      await strike(victim)
      const program = await start(victim, deadly, true)
      using patience = deadline(patienceMs)
      const tooLate = new Promise<'alive'>((resolve) => {
        patience.signal.addEventListener('abort', () => resolve('alive'), { once: true })
      })
      const end = await Promise.race([program.ended, tooLate])
      if (end === 'alive') throw new Error(`${what}: the moment did not come within ${patienceMs} ms:\n${tail(program)}`)
      running.delete(victim)
      if (end !== null || !program.output().includes(lastWordOf(deadly)))
        throw new Error(`${what}: expected it to die of that, got exit code ${end}:\n${tail(program)}`)
      kills.push(what)
    },
  }
}

const tail = (program: Program): string => program.output().slice(-2_000)
