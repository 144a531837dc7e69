import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimeoutError } from '@watch-hub/shared/runtime/sleep'
import type { Answer, Connections } from './connections.ts'
import { EgressError } from './egress.ts'
import { measured } from './measured.ts'
import type { DeliveryMeter } from './meter.ts'

type Request = Parameters<DeliveryMeter['request']>[0]

/** What is measured of an exchange that ends so. */
async function measure(
  exchange: Connections['exchange'],
  { to = 'https://dns.example.com/hooks/secret-path', signal = new AbortController().signal } = {},
) {
  const requests: Request[] = []
  const connections = { exchange, wasStale: () => false, [Symbol.asyncDispose]: async () => {} }
  const { exchange: asked } = measured(connections, new URL(to), { request: (of) => requests.push(of) })
  await asked({ path: '/', headers: {}, body: '', readUpTo: () => 0 }, signal).catch(() => {})
  return requests.map(({ ms, ...rest }) => {
    assert.ok(ms >= 0)
    return rest
  })
}

const answer =
  (status: number, rest: Partial<Answer> = {}) =>
  async (): Promise<Answer> => ({
    ...{ status, headers: {}, body: Buffer.alloc(0), cut: false },
    ...rest,
  })
const fails = (error: Error) => async () => {
  throw error
}
const server = { host: 'dns.example.com', port: 443 }

test('an answer is measured with its status, an error where it is one, and the server without its path', async () => {
  assert.deepEqual(await measure(answer(204)), [{ ...server, status: 204 }])
  assert.deepEqual(await measure(answer(302)), [{ ...server, status: 302 }])
  assert.deepEqual(await measure(answer(503)), [{ ...server, status: 503, error: '503' }])
  assert.deepEqual(await measure(answer(200), { to: 'http://[::1]:8080/x' }), [{ host: '::1', port: 8080, status: 200 }])
})

test('a request without a whole answer is measured by the name of its failure', async () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.1.2.3:443'), { code: 'ECONNREFUSED' })
  assert.deepEqual(await measure(fails(refused)), [{ ...server, error: 'connection_refused' }])
  const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
  assert.deepEqual(await measure(answer(200, { broken: reset })), [{ ...server, status: 200, error: 'connection_reset' }])
  assert.deepEqual(await measure(fails(new TimeoutError(5)), { signal: AbortSignal.abort(new TimeoutError(5)) }), [
    { ...server, error: 'timeout' },
  ])
})

test('what this hub does not send, or gives up itself, is no request', async () => {
  assert.deepEqual(await measure(fails(new EgressError('loopback'))), [])
  const stopped = new Error('the courier stops')
  assert.deepEqual(await measure(fails(stopped), { signal: AbortSignal.abort(stopped) }), [])
})
