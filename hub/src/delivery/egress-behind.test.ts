import assert from 'node:assert/strict'
import test from 'node:test'
import { createEgress, EgressError, type Resolve } from './egress.ts'
import { judgeBehind } from './egress-behind.ts'

const judged = (host: string, resolve: Resolve) => judgeBehind(new URL(`http://${host}/`), createEgress([], { resolve }))
const to =
  (...addresses: readonly string[]): Resolve =>
  (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    )

test('a closed address is refused as a literal and where a name leads only there', async () => {
  await assert.rejects(judged('127.0.0.1', to()), EgressError)
  await assert.rejects(judged('[::1]', to()), EgressError)
  await assert.rejects(judged('a.example', to('127.0.0.1', '169.254.1.1')), EgressError)
  await judged('a.example', to('127.0.0.1', '192.0.2.1'))
  await judged('192.0.2.1', to())
})

test('a name that is not known here, or not soon, is left to the proxy', async () => {
  await judged('a.example', (_name, _options, callback) => callback(Object.assign(new Error(), { code: 'ENOTFOUND' }), []))
  const waits: number[] = []
  const silent = createEgress([], { resolve: () => {} })
  await judgeBehind(new URL('http://a.example/'), silent, async (ms) => void waits.push(ms))
  assert.deepEqual(waits, [1_000])
})
