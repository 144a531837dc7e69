/** Tells what changed in the hub between two looks at its status: the live commit, a refused one, an endpoint's phase. */
import { short } from '@watch-hub/hub/cli/output'
import type { ConfigStatus } from '@watch-hub/hub/config/status'
import { configStatus } from '@watch-hub/hub/http/wire'
import { isRecord } from '@watch-hub/shared/protocol/decode'
import { sleep } from '@watch-hub/shared/runtime/sleep'
import type { World } from '../support/world.ts'
import { notice, type Print } from './print.ts'

/** Runs until the signal aborts, and rejects with its reason then. */
export async function watchConfig(world: World, print: Print, signal: AbortSignal): Promise<never> {
  let before: ConfigStatus | undefined
  for (;;) {
    const answer = await world.api('/status')
    const config = configStatus.decode(isRecord(answer) ? answer.config : undefined, 'config')
    for (const text of before === undefined ? [] : differences(before, config)) print(notice(text))
    before = config
    await sleep(1_000, signal)
  }
}

function differences(before: ConfigStatus, { live, rejected, failing }: ConfigStatus): readonly string[] {
  const texts: string[] = []
  if (live !== undefined && live.commit !== before.live?.commit) texts.push(`config: commit ${short(live.commit)} is live`)
  if (rejected !== undefined && rejected.commit !== before.rejected?.commit) {
    texts.push(`config: commit ${short(rejected.commit)} is REJECTED, the live one stays:`)
    for (const { file, line, message } of rejected.problems.slice(0, 5)) texts.push(`  ${file}:${line} ${message}`)
  }
  if (failing !== undefined && failing.reason !== before.failing?.reason) texts.push(`config: cannot be read: ${failing.reason}`)
  return texts
}
