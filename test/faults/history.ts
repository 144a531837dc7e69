/** `history: every`: each change that the log has for the endpoint was sent, and where no watch was interrupted, each change that happened. */
import type { Question } from './oracle.ts'
import { since } from './oracle.ts'
import { held, type InStream, judgeOf } from './wanted.ts'

/** The endpoint whose history is `every` for the whole schedule. */
const historian = 'archive'

export async function checkHistory(of: Question): Promise<readonly string[]> {
  if (of.endpoint !== historian || !of.stage.config.endpoints[historian].present) return []
  return [...(await unsentRows(of)), ...missedChanges(of)]
}

async function unsentRows({ stage, endpoint, ledger }: Question): Promise<readonly string[]> {
  const sent = new Set([...ledger.first.values()].map(({ item }) => Number(item.sequence)))
  const rows = (await stage.lab.hub.running?.store.tail(0, 100_000)) ?? []
  return rows.flatMap(({ sequence, object, routes }) =>
    sent.has(sequence)
      ? []
      : routes
          .filter((route) => route.endpoint === endpoint)
          .map(({ type }) => `was not sent row ${sequence}: ${type} of ${object.resource} ${object.namespace}/${object.name}`),
  )
}

/** Only where nothing since the last check could have hidden a change from the watch. */
function missedChanges({ stage, endpoint, ledger }: Question): readonly string[] {
  const { truth, checkedAt, lab } = stage
  if (checkedAt === 0 || since(truth.configs, checkedAt).length > 1) return []
  const told = new Set([...ledger.first.values()].map(({ item }) => `${item.key} ${versionOf(item.raw)}`))
  const problems: string[] = []
  for (const [key, { cluster, states }] of truth.lives) {
    if (stage.gaps.has(cluster)) continue
    const judge = judgeOf(lab.snapshot, cluster)
    let before: InStream | undefined
    for (const { at, state } of since(states, checkedAt)) {
      const now = state && held(judge, state, endpoint)
      const tells = now?.tells.get(endpoint)
      const type = before === undefined ? 'created' : 'updated'
      if (at > checkedAt && now !== undefined && now.hash !== before?.hash && tells?.has(type) && state !== undefined) {
        const { name, resourceVersion } = state.object.metadata
        if (!told.has(`${key} ${resourceVersion}`))
          problems.push(`was never told of ${state.resource} ${name} in version ${resourceVersion}`)
      }
      before = now
    }
  }
  return problems
}

function versionOf(raw: Readonly<Record<string, unknown>>): string {
  const { resource } = raw
  return typeof resource === 'object' && resource !== null && 'resourceVersion' in resource
    ? String(resource.resourceVersion)
    : ''
}
