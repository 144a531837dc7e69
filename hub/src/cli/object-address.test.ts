import assert from 'node:assert/strict'
import { test } from 'node:test'
import { objectAddress } from './object-address.ts'

test('an object is addressed in one word or in two, its kind in any case', () => {
  assert.deepEqual(objectAddress(['Service/Shop'], 'web'), { resource: 'service', name: 'Shop', namespace: 'web' })
  assert.deepEqual(objectAddress(['deployments.apps', 'shop'], undefined), { resource: 'deployments.apps', name: 'shop' })
})

for (const args of [[], ['service'], ['service/'], ['/shop'], ['a/b/c'], ['a/b', 'c'], ['a', 'b', 'c'], ['a', 'b/c']])
  test(`'${args.join(' ')}' addresses no object`, () => {
    assert.throws(() => objectAddress(args, undefined), { name: 'UsageError', message: /expected one object as KIND\/NAME/ })
  })
