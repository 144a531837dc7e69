import assert from 'node:assert/strict'
import { test } from 'node:test'
import { combined } from './combine.ts'
import type { Route } from './store.ts'

const route = (type: Route['type'], over: Partial<Route> = {}): Route => ({ endpoint: 'dns', type, watches: ['w'], ...over })

test('two changes come to the one that the endpoint has to make', () => {
  const types = ['created', 'updated', 'deleted'] as const
  const table = types.map((first) => types.map((second) => combined(route(first), route(second))?.type))
  assert.deepEqual(table, [
    ['created', 'created', undefined],
    ['updated', 'updated', 'deleted'],
    ['updated', 'updated', 'deleted'],
  ])
})

test('a beginning keeps its reason, an update only one that updates have, and an end its own', () => {
  const reasons = (first: Route, second: Route) => combined(first, second)?.reason
  assert.equal(reasons(route('created', { reason: 'initial' }), route('updated', { reason: 'recovered' })), 'initial')
  assert.equal(reasons(route('created', { reason: 'initial' }), route('created', { reason: 'in-scope' })), 'in-scope')
  assert.equal(reasons(route('deleted', { reason: 'out-of-scope' }), route('created', { reason: 'in-scope' })), undefined)
  assert.equal(reasons(route('updated'), route('updated', { reason: 'projection' })), 'projection')
  assert.equal(reasons(route('updated'), route('deleted', { reason: 'recovered' })), 'recovered')
})

test('what comes out is about the watches of the second, and its body is told whole', () => {
  const second = route('updated', { watches: ['x', 'y'], delta: true })
  assert.deepEqual(combined(route('updated', { delta: true }), second), { endpoint: 'dns', type: 'updated', watches: ['x', 'y'] })
  assert.deepEqual(combined(route('created'), second), { endpoint: 'dns', type: 'created', watches: ['x', 'y'] })
})
