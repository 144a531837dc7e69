import assert from 'node:assert/strict'
import test from 'node:test'
import { backoff } from '@watch-hub/shared/runtime/backoff'
import { retryAfterMs, retrying } from './retry.ts'
import { DeliveryFailure, type Outcome, type Outgoing, type Send } from './send.ts'

const batch: Outgoing = { id: 'b1', endpoint: 'dns', events: 1, body: Buffer.from('{}') }
const live = new AbortController().signal
const accepted: Outcome = { kind: 'accepted', status: 200 }
const tryLater = (afterMs?: number): Outcome => ({
  kind: 'try-later',
  why: new DeliveryFailure('http_5xx', 'answered 503'),
  ...(afterMs !== undefined && { afterMs }),
})

const answers = (...outcomes: readonly Outcome[]): Send => {
  const left = [...outcomes]
  return async () => left.shift() ?? accepted
}

function recorded(elapses: (waits: readonly number[]) => boolean = () => true) {
  const waits: number[] = []
  const settings = {
    delays: () => backoff({ minMs: 100, maxMs: 400, random: () => 1 }),
    wait: async (ms: number) => {
      waits.push(ms)
      return elapses(waits)
    },
    onSetback: () => {},
  }
  return { waits, settings }
}

test('retrying repeats with growing delays until the batch is accepted', async () => {
  const { waits, settings } = recorded()
  const send = retrying(settings, answers(tryLater(), tryLater(), tryLater(), tryLater()))
  assert.deepEqual(await send(batch, live), accepted)
  assert.deepEqual(waits, [100, 200, 400, 400])
})

test('retrying waits at least as long as the endpoint asked', async () => {
  const { waits, settings } = recorded()
  await retrying(settings, answers(tryLater(5_000), tryLater(10)))(batch, live)
  assert.deepEqual(waits, [5_000, 200])
})

test('a wait that is cut short begins the delays anew', async () => {
  const { waits, settings } = recorded((so) => so.length !== 2)
  await retrying(settings, answers(tryLater(), tryLater(), tryLater()))(batch, live)
  assert.deepEqual(waits, [100, 200, 100])
})

test('retrying hands back a batch whose settings changed', async () => {
  const { settings } = recorded()
  assert.deepEqual(await retrying(settings, answers(tryLater(), { kind: 'changed' }))(batch, live), { kind: 'changed' })
})

test('Retry-After is read as seconds or as a date and never above one hour', () => {
  const now = Date.UTC(2026, 10, 23, 12, 0, 0)
  assert.equal(retryAfterMs('120', now), 120_000)
  assert.equal(retryAfterMs('Mon, 23 Nov 2026 12:00:30 GMT', now), 30_000)
  assert.equal(retryAfterMs('315360000', now), 3_600_000)
  assert.equal(retryAfterMs('9'.repeat(400), now), 3_600_000)
})

test('a Retry-After that is past, negative or garbage asks for nothing', () => {
  for (const header of [undefined, '', '0', '-5', 'soon', '1.5', '7 days', 'Mon, 23 Nov 2020 12:00:30 GMT', 'Mon, never'])
    assert.equal(retryAfterMs(header, Date.UTC(2026, 10, 23)), undefined, header)
})
