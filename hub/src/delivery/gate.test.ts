import assert from 'node:assert/strict'
import test from 'node:test'
import type { EndpointConfig, SecretRef } from '../config/model.ts'
import { createEgress } from './egress.ts'
import { createGate } from './gate.ts'
import { endpointConfig } from './testing/rows.ts'
import { sleeping } from './testing/sleeping.ts'

const live = new AbortController().signal
const bearer = { kind: 'bearer', token: { secret: 'token' } } as const
const secure = { url: 'https://dns.example.com/hooks' }

function gateOf(endpoint: EndpointConfig) {
  const values = new Map<string, string>()
  const listeners = new Set<() => void>()
  const shut: string[] = []
  let changes = 0
  const time = sleeping()
  time.passes = () => false
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
    {
      secrets,
      egress: createEgress([]),
      now: Date.now,
      sleep: time.sleep,
      onShut: (phase, reason) => shut.push(`${phase}: ${reason}`),
      onChange: () => changes++,
    },
    { release: '0.1.0', allowInsecureCredentials: false },
  )
  return {
    gate,
    time,
    shut,
    listeners,
    changes: () => changes,
    setSecret: (name: string, value: string) => {
      values.set(name, value)
      for (const listener of listeners) listener()
    },
  }
}

const turn = () => new Promise(setImmediate)

test('a gate is open for an endpoint that nothing holds', async () => {
  const { gate, shut } = gateOf(endpointConfig(secure))
  await using _gate = gate
  await gate.enter(live)
  assert.equal(gate.open, true)
  assert.deepEqual(shut, [])
})

test('an operator and Git hold an endpoint, each by themselves', async () => {
  const { gate, shut } = gateOf(endpointConfig({ ...secure, paused: true }))
  await using _gate = gate
  const entered = gate.enter(live)
  gate.hold({ since: 1, by: 'ann' })
  gate.configure(endpointConfig(secure))
  await turn()
  gate.hold(undefined)
  await entered
  assert.deepEqual([...new Set(shut)], ['paused: paused in Git', 'paused: paused by ann'])
})

test('a missing secret shuts the gate until it appears', async () => {
  const { gate, shut, setSecret } = gateOf(endpointConfig({ ...secure, auth: bearer }))
  await using _gate = gate
  const entered = gate.enter(live)
  await turn()
  assert.equal(gate.open, false)
  assert.deepEqual(shut, ['blocked: no file'])
  setSecret('token', 't0ken')
  await entered
  assert.equal(gate.open, true)
})

test('a sender is kept while nothing that it is made of changes', async () => {
  const { gate, setSecret } = gateOf(endpointConfig({ ...secure, auth: bearer }))
  await using _gate = gate
  setSecret('token', 't0ken')
  const first = await gate.enter(live)
  setSecret('other', 'x')
  gate.configure(endpointConfig({ ...secure, auth: bearer, history: 'every' }))
  assert.equal(await gate.enter(live), first)
  setSecret('token', 'rotated')
  assert.equal(gate.open, false)
  assert.notEqual(await gate.enter(live), first)
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

test('a change cuts a wait short', async () => {
  const { gate } = gateOf(endpointConfig(secure))
  await using _gate = gate
  const waiting = gate.wait(1_000, live)
  gate.configure(endpointConfig(secure))
  assert.equal(await waiting, false)
})

test('what changed before the gate was passed cuts no later wait short', async () => {
  const { gate, time } = gateOf(endpointConfig(secure))
  await using _gate = gate
  gate.configure(endpointConfig(secure))
  await gate.enter(live)
  const waiting = gate.wait(1_000, live)
  await turn()
  time.elapse()
  assert.equal(await waiting, true)
})

test('a gate that is disposed listens no more', async () => {
  const { gate, listeners } = gateOf(endpointConfig(secure))
  await gate[Symbol.asyncDispose]()
  assert.equal(listeners.size, 0)
})
