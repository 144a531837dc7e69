/**
 * The oracle: knows the truth, and says in sentences where what arrived differs from it. It is asked when everything is quiet.
 *
 * A receiver, by its rule, holds exactly what the clusters hold and the config wants for it. What it may hold besides is what a commit took
 * from it, what its watches' `events` keep from it, what left a watch that was never compared in full (see `wasUnproven`), and what was gone
 * while the hub's database was lost that alone knew of it.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Life } from './chronicle.ts'
import { clusterNames, type EndpointName, endpointNames } from './config.ts'
import { checkHistory } from './history.ts'
import { inventoryProblems } from './inventory.ts'
import { describe, type Item, type Ledger, ledgerOf } from './ledger.ts'
import type { Stage } from './stage.ts'
import { held, type InStream, type Judge, judgeOf, judgeUnpaused, type ObjectState, termsOf } from './wanted.ts'

/** What is wrong; nothing = all is well. */
export async function findings(stage: Stage): Promise<readonly string[]> {
  const found = [...inventoryProblems(stage)]
  for (const endpoint of endpointNames) {
    const ledger = ledgerOf(stage.lab.receiver(endpoint), Math.max(0, ...stage.restores.map(({ head }) => head)))
    const of = { stage, endpoint, ledger }
    const all = [
      ...ledger.problems,
      ...tableProblems(of),
      ...deletionProblems(of),
      ...successionProblems(of),
      ...(await checkHistory(of)),
    ]
    found.push(...all.map((problem) => `${endpoint}: ${problem}`))
  }
  return found
}

export interface Question {
  readonly stage: Stage
  readonly endpoint: EndpointName
  readonly ledger: Ledger
}

function tableProblems({ stage, endpoint }: Question): readonly string[] {
  const { lab, truth } = stage
  if (!stage.config.endpoints[endpoint].present) return []
  const { table } = lab.receiver(endpoint)
  const problems: string[] = []
  for (const [key, life] of truth.lives) {
    const state = life.states.at(-1)?.state
    const wanted = state && held(judgeOf(lab.snapshot, life.cluster), state, endpoint)
    const item = table.get(key)
    if (wanted !== undefined && state !== undefined)
      problems.push(...presenceProblems({ stage, endpoint, life, state, wanted, item }))
    else if (item !== undefined && !mayRemain(key, life, { stage, endpoint }))
      problems.push(`holds ${describe(item)}, which ${state === undefined ? 'is gone' : 'is not for it'}`)
  }
  for (const [key, item] of table) if (!truth.lives.has(key)) problems.push(`holds ${describe(item)}, which never was`)
  return problems
}

interface Presence {
  readonly stage: Stage
  readonly endpoint: EndpointName
  readonly life: Life
  readonly state: ObjectState
  readonly wanted: InStream
  readonly item: Item | undefined
}

function presenceProblems({ stage, endpoint, life, state, wanted, item }: Presence): readonly string[] {
  const silent = untold(life, { stage, endpoint })
  const { namespace, name } = state.object.metadata
  const what = `${life.cluster} ${state.resource} ${namespace}/${name} ${life.uid.slice(-8)}`
  if (item === undefined) return silent.has('created') ? [] : [`lacks ${what}`]
  const truth: unknown = JSON.parse(wanted.body)
  if (silent.has('updated') || silent.has('created') || isDeepStrictEqual(item.object, truth)) return []
  return [`holds ${describe(item)} as ${JSON.stringify(item.object)} where ${what} is ${wanted.body}`]
}

/** Types of events that some watch once did not tell this endpoint of this object. */
function untold(life: Life, { stage, endpoint }: Pick<Question, 'stage' | 'endpoint'>): ReadonlySet<string> {
  const missing = new Set<string>()
  for (const { snapshot } of stage.truth.configs)
    for (const { state } of life.states) {
      const told = state && held(judgeOf(snapshot, life.cluster), state, endpoint)?.tells.get(endpoint)
      if (told !== undefined) for (const type of ['created', 'updated', 'deleted']) if (!told.has(type)) missing.add(type)
    }
  return missing
}

/** Nobody could or was to tell the endpoint that it holds this no more. */
function mayRemain(key: string, life: Life, of: Pick<Question, 'stage' | 'endpoint'>): boolean {
  return (
    of.stage.kept.get(of.endpoint)?.has(key) ||
    untold(life, of).has('deleted') ||
    wasTaken(life, of) ||
    wasUnproven(life, of) ||
    wasLost(life, of)
  )
}

/** Since the last check, a commit took a watch that matched it from this endpoint, or gave it another definition: then nobody knows why it left. */
function wasTaken(life: Life, { stage, endpoint }: Pick<Question, 'stage' | 'endpoint'>): boolean {
  const { truth, checkedAt } = stage
  const states = since(life.states, checkedAt).flatMap(({ state }) => state ?? [])
  const configs = since(truth.configs, checkedAt)
  return configs.slice(1).some(({ snapshot }, i) => {
    const before = configs[i]?.snapshot
    if (before === undefined) return false
    const terms = termsOf(snapshot, life.cluster)
    const termsBefore = termsOf(before, life.cluster)
    const taken = (watch: string) =>
      termsBefore.get(watch)?.endpoints.includes(endpoint) === true &&
      (terms.get(watch)?.endpoints.includes(endpoint) !== true ||
        terms.get(watch)?.definition !== termsBefore.get(watch)?.definition)
    return states.some((state) => held(judgeUnpaused(before, life.cluster), state, endpoint)?.matches.some(taken))
  })
}

/**
 * A watch that was never compared in full: when an agent dies in its first comparison, and an object leaves the scope before the next one finds
 * it, the hub cannot tell that from a commit, and says nothing.
 */
function wasUnproven(life: Life, { stage, endpoint }: Pick<Question, 'stage' | 'endpoint'>): boolean {
  const { truth, checkedAt, compared } = stage
  const states = since(life.states, checkedAt).flatMap(({ state }) => state ?? [])
  return since(truth.configs, checkedAt).some(({ snapshot }) => {
    const terms = termsOf(snapshot, life.cluster)
    const unproven = (watch: string) => !compared.has(`${life.cluster} ${watch} ${terms.get(watch)?.definition}`)
    return states.some((state) => held(judgeUnpaused(snapshot, life.cluster), state, endpoint)?.matches.some(unproven))
  })
}

/** The hub's database went back to one that does not know it. */
const wasLost = (life: Life, { stage }: Pick<Question, 'stage'>): boolean =>
  stage.restores.some(({ at, uids }) => at > stage.checkedAt && !uids.has(life.uid))

/** What holds at `moment`, and everything after it. */
export function since<T extends { readonly at: number }>(all: readonly T[], moment: number): readonly T[] {
  const next = all.findIndex(({ at }) => at > moment)
  return next < 0 ? all.slice(-1) : all.slice(Math.max(0, next - 1))
}

/** A deletion needs an object that is gone, or that left the scope by a change of its own. */
function deletionProblems({ stage, endpoint, ledger }: Question): readonly string[] {
  const { truth, lied } = stage
  return [...ledger.first.values()].flatMap(({ item }) => {
    if (item.type !== 'deleted') return []
    const life = truth.lives.get(item.key)
    if (life === undefined) return [`${describe(item)}: it never was`]
    if (lied.has(life.cluster)) return []
    const explained = life.states.some(({ state }, i) => state === undefined || leftScope(life, i, { stage, endpoint }))
    return explained ? [] : [`${describe(item)}: it is there, and did not leave by itself`]
  })
}

/** Labels of its namespace come by another watch, so each state may have been judged with any that the namespace ever had. */
function leftScope({ cluster, states }: Life, i: number, { stage, endpoint }: Pick<Question, 'stage' | 'endpoint'>): boolean {
  const now = states[i]?.state
  if (now === undefined) return false
  const labels = stage.truth.labels.get(`${cluster} ${now.object.metadata.namespace}`) ?? []
  const judgements = (state: ObjectState | undefined, judge: Judge) =>
    state === undefined ? [] : labels.map((namespaceLabels) => held(judge, { ...state, namespaceLabels }, endpoint) !== undefined)
  return stage.truth.configs.some(({ snapshot }) => {
    const judge = judgeOf(snapshot, cluster)
    const after = judgements(now, judge)
    return after.includes(false) && (after.includes(true) || judgements(states[i - 1]?.state, judge).includes(true))
  })
}

/** The old one of a name is deleted before the new one is created. */
function successionProblems({ stage, endpoint, ledger }: Question): readonly string[] {
  const holders = new Map<string, Map<string, Item>>()
  const problems: string[] = []
  for (const { item } of ledger.first.values()) {
    const name = JSON.stringify([item.key.split('/')[0], item.resource, item.namespace, item.name])
    const holding = holders.get(name) ?? new Map<string, Item>()
    holders.set(name, holding)
    if (item.type === 'deleted') holding.delete(item.key)
    else {
      for (const [key, other] of holding) {
        const life = stage.truth.lives.get(key)
        if (
          key !== item.key &&
          life !== undefined &&
          !stage.excused.has(`${endpoint} ${key}`) &&
          !mayRemain(key, life, { stage, endpoint })
        )
          problems.push(`${describe(item)} came while ${describe(other)} was there`)
      }
      holding.set(item.key, item)
    }
  }
  return problems
}

/** After a check: what is there now is explained, and explains nothing later. */
export function closeRound(stage: Stage): void {
  for (const endpoint of endpointNames) {
    const kept = new Set<string>()
    for (const key of stage.lab.receiver(endpoint).table.keys()) {
      const life = stage.truth.lives.get(key)
      const state = life?.states.at(-1)?.state
      if (
        life === undefined ||
        state === undefined ||
        held(judgeOf(stage.lab.snapshot, life.cluster), state, endpoint) === undefined
      )
        kept.add(key)
      if (kept.has(key)) stage.excused.add(`${endpoint} ${key}`)
    }
    stage.kept.set(endpoint, kept)
  }
  for (const cluster of clusterNames)
    for (const [watch, { definition }] of termsOf(stage.lab.snapshot, cluster))
      stage.compared.add(`${cluster} ${watch} ${definition}`)
  stage.checkedAt = stage.truth.now()
  stage.gaps.clear()
}
