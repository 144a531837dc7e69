/** A commit to the config repo. */
import { type ConfigModel, manifestsOf } from './config.ts'
import type { Stage } from './stage.ts'

/** What does not compile stays in its author's checkout. */
export async function commit(config: ConfigModel, stage: Stage): Promise<void> {
  const { lab, truth } = stage
  const before = lab.snapshot
  await lab.commit(manifestsOf(config, (name) => lab.receiver(name).url)).catch(() => {})
  if (lab.snapshot === before) return
  stage.config = config
  truth.committed(lab.snapshot)
}
