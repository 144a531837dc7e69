import assert from 'node:assert/strict'
import test from 'node:test'
import type { EndpointConfig, SecretRef } from '../config/model.ts'
import { createEgress } from './egress.ts'
import { createGate } from './gate.ts'
import { endpointConfig } from './testing/rows.ts'

const bearer = { kind: 'bearer', token: { secret: 'token' } } as const
const secure = { url: 'https://dns.example.com/hooks' }

function gateOf(endpoint: EndpointConfig) {
  const values = new Map<string, string>()
  const listeners = new Set<() => void>()
  let changes = 0
  let expired = 0
  let now = 1_000
  const secrets = {
    read: async (ref: SecretRef) => {
      const value = values.get('secret' in ref ? ref.secret : ref.env)
      return value === undefined ? { kind: 'missing' as const, reason: 'no file' } : { kind: 'found' as const, value }
    },
    onChange: (listener: () => void) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => listeners.delete(listener) }
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const gate = createGate(
    endpoint,
    { secrets, egress: createEgress([]), now: () => now, onChange: () => changes++, onExpired: () => expired++ },
    { release: '0.1.0', allowInsecureCredentials: false },
  )
  return {
    gate,
    listeners,
    changes: () => changes,
    expired: () => expired,
    pass: (ms: number) => {
      now += ms
    },
    setSecret: (name: string, value: string) => {
      values.set(name, value)
      for (const listener of listeners) listener()
    },
  }
}

test('a gate is open for an endpoint that nothing holds, once it was looked at', async () => {
  const { gate } = gateOf(endpointConfig(secure))
  await using _gate = gate
  assert.equal(gate.sender, undefined)
  assert.equal(await gate.look(), undefined)
  assert.equal(typeof gate.sender, 'function')
})

test('an operator and Git hold an endpoint, each by themselves', async () => {
  const { gate } = gateOf(endpointConfig({ ...secure, paused: true }))
  await using _gate = gate
  assert.deepEqual(await gate.look(), { phase: 'paused', reason: 'paused in Git' })
  gate.hold({ since: 1, by: 'ann', reason: 'moving house' })
  gate.configure(endpointConfig(secure))
  assert.deepEqual(await gate.look(), { phase: 'paused', reason: 'paused by ann: moving house' })
  assert.equal(gate.sender, undefined)
  gate.hold(undefined)
  assert.equal(await gate.look(), undefined)
})

test('a hold with an end says when, ends by itself, and that is told', async () => {
  const { gate, pass, expired } = gateOf(endpointConfig(secure))
  await using _gate = gate
  gate.hold({ since: 1_000, by: 'ann', until: 3_000 })
  assert.deepEqual(await gate.look(), { phase: 'paused', reason: 'paused by ann', until: 3_000 })
  pass(2_000)
  assert.equal(await gate.look(), undefined)
  assert.deepEqual([expired(), gate.pause], [1, undefined])
})

test('a hold of the hub says its reason', async () => {
  const { gate } = gateOf(endpointConfig(secure))
  await using _gate = gate
  gate.hold({ since: 1, by: 'hub', cause: 'gone', reason: 'answered 410' })
  assert.deepEqual(await gate.look(), { phase: 'paused', reason: 'answered 410' })
})

test('a missing secret shuts the gate until it appears', async () => {
  const { gate, setSecret, changes } = gateOf(endpointConfig({ ...secure, auth: bearer }))
  await using _gate = gate
  assert.deepEqual(await gate.look(), { phase: 'blocked', reason: 'no file', until: 31_000 })
  assert.equal(gate.sender, undefined)
  setSecret('token', 't0ken')
  assert.equal(changes(), 1)
  assert.equal(await gate.look(), undefined)
  assert.equal(typeof gate.sender, 'function')
})

test('a sender is kept while nothing that it is made of changes', async () => {
  const { gate, setSecret } = gateOf(endpointConfig({ ...secure, auth: bearer }))
  await using _gate = gate
  setSecret('token', 't0ken')
  await gate.look()
  const first = gate.sender
  setSecret('other', 'x')
  gate.configure(endpointConfig({ ...secure, auth: bearer, history: 'every' }))
  await gate.look()
  assert.equal(gate.sender, first)
  setSecret('token', 'rotated')
  assert.equal(gate.sender, undefined)
  await gate.look()
  assert.notEqual(gate.sender, first)
})

test('changed secrets concern only endpoints that have some', async () => {
  const plain = gateOf(endpointConfig(secure))
  const authenticated = gateOf(endpointConfig({ ...secure, auth: bearer }))
  await using _plain = plain.gate
  await using _authenticated = authenticated.gate
  for (const each of [plain, authenticated]) each.setSecret('token', 'x')
  assert.equal(plain.changes(), 0)
  assert.equal(authenticated.changes(), 1)
})

test('a gate that is disposed listens no more', async () => {
  const { gate, listeners } = gateOf(endpointConfig(secure))
  await gate[Symbol.asyncDispose]()
  assert.equal(listeners.size, 0)
})
