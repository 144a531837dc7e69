import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan } from '@watch-hub/shared/protocol/plan'
import { createRollout } from './rollout.ts'
import type { AgentStatus } from './session.ts'
import { type PlanStep, silentFleetTracer } from './tracer.ts'

const plan: Plan = { hash: 'p2', cluster: { name: 'prod', labels: {} }, paused: false, streams: [] }
const status = (of: Partial<AgentStatus>): AgentStatus => ({
  type: 'status',
  received: 'p2',
  active: 'p2',
  streams: {},
  figures: {},
  ...of,
})

function rollout() {
  const steps: PlanStep[] = []
  let now = 1_000
  const of = createRollout({ now: () => ++now, tracer: { ...silentFleetTracer, plan: (step) => void steps.push(step) } })
  const change = (hash: string, commit: string) => {
    of.changed('prod', hash, commit)
    of.offered('prod', { ...plan, hash })
  }
  return {
    ...of,
    change,
    steps,
    told: () => steps.map(({ step, reason }) => (reason === undefined ? step : `${step}: ${reason}`)),
  }
}

test('a plan is received once, and applied when it runs and every stream is live', () => {
  const { change, report, told, steps } = rollout()
  change('p2', 'c0ffee')
  report('prod', status({ received: 'p1', active: 'p1' }))
  report('prod', status({ active: 'p1' }))
  report('prod', status({ streams: { s: { state: 'syncing' } } }))
  assert.deepEqual(told(), ['received'])
  report('prod', status({ streams: { s: { state: 'live' } } }))
  report('prod', status({ streams: { s: { state: 'live' } } }))
  assert.deepEqual(told(), ['received', 'applied'])
  assert.deepEqual([steps[1]?.offeredAt, steps[1]?.commit], [steps[0]?.offeredAt, 'c0ffee'])
})

test('a stream that fails, or a plan that the agent refuses, ends it with the reason', () => {
  const one = rollout()
  one.change('p2', 'c0ffee')
  one.report(
    'prod',
    status({ streams: { a: { state: 'live' }, b: { state: 'failed', reason: 'forbidden: needs list,watch on services' } } }),
  )
  assert.deepEqual(one.told(), ['received', 'failed: forbidden: needs list,watch on services'])
  const other = rollout()
  other.change('p2', 'c0ffee')
  other.report('prod', status({ active: 'p1', error: 'needs agent ≥ 2' }))
  assert.deepEqual(other.told(), ['received', 'failed: needs agent ≥ 2'])
})

test('a newer plan takes the place of one that is on its way', () => {
  const { change, report, told, steps } = rollout()
  change('p2', 'first')
  change('p3', 'second')
  report('prod', status({}))
  assert.deepEqual(told(), [])
  report('prod', status({ received: 'p3', active: 'p3' }))
  assert.deepEqual(told(), ['received', 'applied'])
  assert.ok(steps.every(({ commit }) => commit === 'second'))
})

test('an agent that begins anew and is offered what it ran before tells nothing of a commit', () => {
  const { change, offered, report, told } = rollout()
  change('p2', 'c0ffee')
  report('prod', status({}))
  assert.deepEqual(told(), ['received', 'applied'])
  offered('prod', plan)
  report('prod', status({}))
  assert.deepEqual(told(), ['received', 'applied'])
})

test('a commit that came while the agent was away is told when it is back, under the commit that changed the plan', () => {
  const { changed, offered, report, steps } = rollout()
  changed('prod', 'p2', 'changes it')
  offered('prod', plan) // a later commit, which changed nothing here, is live by now
  report('prod', status({}))
  assert.deepEqual(
    steps.map(({ commit }) => commit),
    ['changes it', 'changes it'],
  )
})
