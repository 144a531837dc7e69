/** Plays one step. What does not fit the moment, an object that is not there or a hub that already runs, is passed over. */
import { sleep } from '@watch-hub/shared/runtime/sleep'
import { commit } from './commit.ts'
import { changed } from './config.ts'
import { changeObject } from './objects.ts'
import { driveProcess } from './processes.ts'
import { answerOf } from './receiver-modes.ts'
import { breakServer } from './servers.ts'
import type { Stage } from './stage.ts'
import type { OtherStep, Step } from './step.ts'

export async function perform(step: Exclude<Step, { do: 'check' }>, stage: Stage): Promise<void> {
  switch (step.do) {
    case 'put':
    case 'delete':
    case 'replace':
      return changeObject(step, stage)
    case 'agent':
    case 'link':
    case 'hub':
    case 'clock':
      return driveProcess(step, stage)
    case 'receiver':
    case 'commit':
    case 'resync':
    case 'wait':
      return doOther(step, stage)
    default:
      return await breakServer(step, stage)
  }
}

async function doOther(step: Exclude<OtherStep, { do: 'check' }>, stage: Stage): Promise<void> {
  if (step.do === 'receiver') return stage.lab.receiver(step.name).answerWith(answerOf(step.mode))
  if (step.do === 'resync') {
    await stage.lab.hub.running?.delivery.resync(step.name, { dropBacklog: step.dropBacklog })
    return
  }
  if (step.do === 'commit') return commit(changed(stage.config, step.change), stage)
  for (let i = 0; i < step.turns; i++) await new Promise((resolve) => setImmediate(resolve))
  if (step.ms > 0) await sleep(step.ms)
}
