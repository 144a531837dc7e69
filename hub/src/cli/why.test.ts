import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeWhy, t0 } from '../http/testing/fake-view.ts'
import { world } from './testing/world.ts'
import { whyText } from './why-text.ts'

test('each condition is a line with its mark, its place and its times, the verdict comes last', () => {
  assert.deepEqual(whyText(fakeWhy, t0), [
    'services web/shop in prod-eu-1, for dns',
    'present: resourceVersion 7, uid u1',
    '',
    'Cluster prod-eu-1',
    '  agent      ✓ connected, for 1m',
    '',
    'Watch load-balancers',
    '  resources  ✓ services (watches/lb.yaml:6)',
    '  namespaces ✗ "web" not in [team-*] (watches/lb.yaml:8)',
    '',
    'Watches of other kinds: pods',
    '',
    'Endpoint dns',
    '  parked     ✗ answered 422, for 1m, looked at again in 20s',
    '  rateLimit  · 10 per 1s: not reached',
    '',
    'not told: namespaces of the watch load-balancers: "web" not in [team-*] (watches/lb.yaml:8)',
  ])
})

test('an object is asked for as kubectl takes it, and the exit code says whether it is told', async () => {
  await using on = await world()
  const not = await on.run(['why', 'Service/shop', '-n', 'web', '--cluster', 'c', '--endpoint', 'dns'])
  assert.deepEqual([not.code, not.lines.err], [1, []])
  on.view.whyAnswer = { kind: 'explained', why: { ...fakeWhy, told: true } }
  const told = await on.run(['why', 'node', 'n1', '--cluster', 'c', '-o', 'json'])
  assert.deepEqual([told.code, JSON.parse(told.lines.out.join('\n'))], [undefined, { ...fakeWhy, told: true }])
  assert.deepEqual(on.view.calls, [
    ['why', { cluster: 'c', resource: 'service', name: 'shop', namespace: 'web', endpoint: 'dns' }],
    ['why', { cluster: 'c', resource: 'node', name: 'n1' }],
  ])
})

test('without an object, or without a cluster, it was used wrongly', async () => {
  await using on = await world()
  for (const argv of [
    ['why', '--cluster', 'c'],
    ['why', 'service', '--cluster', 'c'],
    ['why', 'service/shop'],
  ])
    assert.equal((await on.run(argv)).code, 2, argv.join(' '))
  assert.deepEqual(on.view.calls, [])
})
