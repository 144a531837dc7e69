/** Agents, their links, the hub, its database, and clocks. */
import { clusterNames } from './config.ts'
import { copyOf } from './database-copy.ts'
import type { Stage } from './stage.ts'
import type { ProcessStep } from './step.ts'

export async function driveProcess(step: ProcessStep, stage: Stage): Promise<void> {
  const { lab } = stage
  if (step.do === 'clock') {
    const { clock } = step.of === 'hub' ? lab.hub : lab.agent(step.of)
    return clock.setWrong(step.wrongMs)
  }
  if (step.do === 'hub') return driveHub(step.act, stage)
  const agent = lab.agent(step.cluster)
  if (step.do === 'link') {
    const relay = agent.running?.relay
    if (step.act === 'cut') relay?.cut()
    else if (step.act === 'hold') relay?.hold()
    else relay?.resume()
    return
  }
  stage.gaps.add(step.cluster)
  if (step.act === 'kill') await agent.kill()
  else if (step.act === 'start') await agent.start()
  else await agent.startAnother()
}

async function driveHub(act: Extract<ProcessStep, { do: 'hub' }>['act'], stage: Stage): Promise<void> {
  const { hub } = stage.lab
  switch (act) {
    case 'kill':
      return hub.kill()
    case 'stop':
      return hub.stop()
    case 'start':
      return hub.start()
    case 'copy':
      stage.copy = hub.running === undefined ? stage.copy : await copyOf(hub)
      return
    case 'restore':
    case 'lose':
      if (act === 'restore' && stage.copy === undefined) return
      await hub.kill()
      await hub.replaceDatabase(act === 'lose' ? undefined : stage.copy?.file)
      stage.restores.push({
        at: stage.truth.now(),
        ...(act === 'lose' || !stage.copy ? { head: 0, uids: new Set() } : stage.copy),
      })
      for (const cluster of clusterNames) stage.gaps.add(cluster)
      return hub.start()
  }
}
