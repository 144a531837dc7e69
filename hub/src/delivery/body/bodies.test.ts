import assert from 'node:assert/strict'
import test from 'node:test'
import { DeliveryFailure, type Outcome, type Outgoing, type Send } from '../send.ts'
import { createBodies } from './bodies.ts'
import { shaping } from './shaping.ts'

const live = new AbortController().signal
const limits = { timeoutMs: 30_000, maxBytes: 1_000_000 }
const payload = JSON.stringify({ items: Array.from({ length: 4_000 }, (_, n) => ({ id: String(n) })) })
const count = { expression: '{"count": payload.items.size()}', payload }
const counted = { kind: 'made', text: '{"count":4000}' }
/** Would take hours. */
const endless = {
  expression: 'payload.items.all(a, payload.items.all(b, payload.items.all(c, a.id != "x" && b.id != "x" && c.id != "x")))',
  payload,
}
/** Would make 64 billion lists. */
const huge = { expression: 'payload.items.map(a, payload.items.map(b, payload.items.map(c, [a, b, c])))', payload }

test('an expression makes the body of a request', async () => {
  await using bodies = createBodies()
  assert.deepEqual(await bodies.render(count, live), counted)
  assert.deepEqual(await bodies.render({ expression: 'payload.a', payload: '{"a":"ü"}' }, live), { kind: 'made', text: '"ü"' })
})

test('what cannot be applied to a payload says why, and others go on', async () => {
  await using bodies = createBodies({ threads: 1 })
  const failed = await bodies.render({ expression: 'payload.nothing', payload }, live)
  assert.deepEqual(failed, { kind: 'failed', reason: 'No such key: nothing (column 9)' })
  assert.deepEqual(await bodies.render(count, live), counted)
})

test('an expression that takes too long is ended, and the next one is not in its way', async () => {
  await using bodies = createBodies({ threads: 1 })
  const failed = await bodies.render(endless, live, { ...limits, timeoutMs: 50 })
  assert.deepEqual(failed, { kind: 'failed', reason: 'the expression took longer than 50 ms' })
  assert.deepEqual(await bodies.render(count, live, limits), counted)
})

test('an expression that takes too much memory is ended, and the hub lives', async () => {
  await using bodies = createBodies({ threads: 1, maxMemoryMb: 24 })
  const failed = await bodies.render(huge, live, limits)
  assert.deepEqual(failed, { kind: 'failed', reason: 'the expression needed more than 24 MB of memory' })
  assert.deepEqual(await bodies.render(count, live, limits), counted)
})

test('more than the bound is not sent', async () => {
  await using bodies = createBodies()
  const failed = await bodies.render({ expression: '"ü"', payload }, live, { ...limits, maxBytes: 3 })
  assert.deepEqual(failed, { kind: 'failed', reason: 'expected at most 3 bytes, got 4' })
})

test('an endless expression leaves a thread to the others, however often it is asked for', async () => {
  await using bodies = createBodies({ threads: 2 })
  const stop = new AbortController()
  const stuck = [1, 2, 3].map(() => assert.rejects(bodies.render(endless, stop.signal, limits), { message: 'enough' }))
  assert.deepEqual(await bodies.render(count, live, limits), counted)
  stop.abort(new Error('enough'))
  await Promise.all(stuck)
  assert.deepEqual(await bodies.render(count, live, limits), counted)
})

test('a stop ends what is being made and what waits', async () => {
  const bodies = createBodies({ threads: 1 })
  await bodies.render(count, live)
  const ended = [endless, huge].map((each) => assert.rejects(bodies.render(each, live, limits), { message: 'the hub stops' }))
  await bodies[Symbol.asyncDispose]()
  await Promise.all(ended)
  await assert.rejects(bodies.render(count, live), { message: 'the hub stops' })
})

const outgoing: Outgoing = {
  id: 'b-1',
  endpoint: 'chat',
  events: 1,
  body: Buffer.from('{"text":"hä"}'),
  headers: { 'content-type': 'application/json' },
}
const accepted: Outcome = { kind: 'accepted', status: 200 }

const recording = () => {
  const sent: Outgoing[] = []
  const post: Send = async (batch) => {
    sent.push(batch)
    return accepted
  }
  return { sent, post }
}

test('a batch with an expression is sent in its shape, one without as it is', async () => {
  await using bodies = createBodies()
  const { sent, post } = recording()
  const send = shaping(bodies, post)
  assert.deepEqual(await send({ ...outgoing, expression: '{"said": payload.text}' }, live), accepted)
  assert.deepEqual(await send(outgoing, live), accepted)
  assert.deepEqual(
    sent.map(({ id, body }) => [id, Buffer.from(body).toString('utf8')]),
    [
      ['b-1', '{"said":"hä"}'],
      ['b-1', '{"text":"hä"}'],
    ],
  )
})

test('a batch whose body cannot be made is refused and not sent', async () => {
  await using bodies = createBodies()
  const { sent, post } = recording()
  const outcome = await shaping(bodies, post)({ ...outgoing, expression: 'payload.nothing' }, live)
  assert.deepEqual(outcome, {
    kind: 'refused',
    why: new DeliveryFailure('body_error', 'body: No such key: nothing (column 9)'),
  })
  assert.deepEqual(sent, [])
})
