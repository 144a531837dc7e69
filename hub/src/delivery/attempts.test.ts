import assert from 'node:assert/strict'
import test from 'node:test'
import { fence } from './allow.ts'
import { createAttempts } from './attempts.ts'
import { createPace } from './rate-limit.ts'
import { endpointConfig } from './testing/rows.ts'
import { sleeping } from './testing/sleeping.ts'
import { startStage } from './testing/stage.ts'

test('a probe that nobody dealt with before the courier began anew does not keep the next one from going', async () => {
  const { queue, ledger, breaker, now, pass } = await startStage({ batches: [], rows: [] })
  breaker.failed({ probe: false, atOnce: true, reason: 'answered 503' }, now())
  pass(10 * 60_000)
  breaker.probing()
  assert.equal(breaker.admits(now()), 'none')
  const contexts = { of: async () => new Map() }
  const loading = { store: { rows: async () => [] }, contexts }
  const nothing = () => {}
  createAttempts(
    {
      ...{ queue, ledger, breaker, loading, now, wall: now, sleep: sleeping().sleep, pace: createPace() },
      ...{ endpoint: endpointConfig, inside: () => fence({}), revision: () => 0, sender: () => undefined },
      ...{ onBegin: nothing, onPaced: nothing, onAccepted: nothing, onEnd: nothing },
    },
    { stop: new AbortController().signal, end: new AbortController().signal },
  )
  assert.equal(breaker.admits(now()), 'probe')
})
