/** The commands about dead letters, as command lines against a real server with a made-up hub behind it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeLetter, t0 } from '../http/testing/fake-view.ts'
import { letterTable, letterText } from './dead-letters.ts'
import { replayText } from './dead-letters-replay.ts'
import { world } from './testing/world.ts'

test('list asks for what the flags say; an object is addressed as in kubectl', async () => {
  await using w = await world()
  await w.run(['dead-letters', 'list', 'deployments.apps/shop', '-n', 'web', '--cluster', 'prod-eu-1', '--older-than', '12h'])
  await w.run(['dead-letters', 'list', '--endpoint', 'dns', '--resource', 'services', '--name', 'a', '--cause', 'timeout'])
  assert.deepEqual(w.view.calls, [
    [
      'deadLetters',
      {
        ...{ resource: 'deployments.apps', name: 'shop', namespace: 'web', cluster: 'prod-eu-1' },
        ...{ olderThanMs: 43_200_000, limit: 100 },
      },
    ],
    ['deadLetters', { endpoint: 'dns', resource: 'services', name: 'a', cause: 'timeout', limit: 100 }],
  ])
  const { lines } = await w.run(['dead-letters', 'list', '-o', 'json'])
  assert.deepEqual(JSON.parse(lines.out.join('')), [fakeLetter])
})

test('the table says which, why and when', () => {
  assert.deepEqual(letterTable([fakeLetter], t0), [
    'ID        ENDPOINT  CLUSTER    RESOURCE          OBJECT    EVENT    DIED        ATTEMPTS  CAUSE     REASON',
    'letter-1  dns       prod-eu-1  deployments.apps  web/shop  updated  11h20m ago  12        http_4xx  answered 422: no such zone',
  ])
  assert.deepEqual(letterTable([], t0), ['No dead letters.'])
})

test('one is shown with all that is known, and the object', async () => {
  await using w = await world()
  const lines = letterText({ ...fakeLetter, answer: 'no such zone', body: { a: 1 } }, t0)
  assert.deepEqual(lines, [
    'Dead letter  letter-1',
    'Endpoint     dns',
    'Object       deployments.apps web/shop in prod-eu-1, uid u1',
    'Event        updated, sequence 1795450401978123, resourceVersion 7',
    'Tried        12 times in 3d, first at 2026-11-20T00:40:00.000Z',
    'Died         11h20m ago, at 2026-11-23T00:40:00.000Z',
    'Cause        http_4xx, status 422',
    'Reason       answered 422: no such zone',
    '',
    'What the endpoint said last:',
    'no such zone',
    '',
    'What it was to be told of:',
    '{\n  "a": 1\n}',
  ])
  assert.equal((await w.run(['dead-letters', 'show', 'letter-1'])).lines.out[0], lines[0])
  assert.equal((await w.run(['dead-letters', 'show', 'letter-2'])).code, 1)
})

test('replay and drop of nothing in particular are refused before anything is asked', async () => {
  await using w = await world()
  for (const command of ['replay', 'drop'])
    for (const flags of [
      [],
      ['--all', '--endpoint', 'dns'],
      ['--all', 'letter-1'],
      ['services/a', 'letter-1'],
      ['a/b/c'],
      ['/a'],
    ]) {
      const { code, lines } = await w.run(['dead-letters', command, ...flags])
      assert.equal(code, 2, `${command} ${flags.join(' ')}`)
      assert.match(lines.err[0] ?? '', /expected/)
    }
  assert.deepEqual(w.view.calls, [])
})

test('replay goes on page by page and says what came of each letter', async () => {
  await using w = await world()
  const { id, endpoint, cluster, object } = fakeLetter
  const letter = { id, endpoint, cluster, object }
  w.view.replay = async (_which, after) =>
    after === undefined
      ? { letters: [{ ...letter, outcome: 'sent' }], next: 'p2' }
      : { letters: [{ ...letter, id: 'letter-2', outcome: 'gone' }] }
  const { lines, code } = await w.run(['dead-letters', 'replay', '--endpoint', 'dns'])
  assert.deepEqual(lines.out, [
    'ID        ENDPOINT  CLUSTER    OBJECT                     WHAT CAME OF IT',
    'letter-1  dns       prod-eu-1  deployments.apps web/shop  goes out again',
    'letter-2  dns       prod-eu-1  deployments.apps web/shop  the object is gone: nothing to tell',
    '',
    '1 dead letter told again, 1 not needed any more, 0 stay.',
  ])
  assert.equal(code, undefined)
})

test('letters that stay, and ids that are not there, are exit code 1', async () => {
  await using w = await world()
  const { id, endpoint, cluster, object } = fakeLetter
  w.view.replayed = { letters: [{ id, endpoint, cluster, object, outcome: 'parked' }] }
  const parked = await w.run(['dead-letters', 'replay', '--all'])
  assert.deepEqual([parked.code, parked.lines.out.at(-1)], [1, '0 dead letters told again, 0 not needed any more, 1 stay.'])
  w.view.replayed = { letters: [{ id, endpoint, cluster, object, outcome: 'current' }] }
  const missing = await w.run(['dead-letters', 'replay', 'letter-1', 'letter-9', '-o', 'json'])
  assert.deepEqual([missing.code, missing.lines.err], [1, ['no dead letter letter-9']])
  assert.deepEqual(JSON.parse(missing.lines.out.join('')), w.view.replayed.letters)
  assert.deepEqual(w.view.calls.at(-1), ['replay', { ids: ['letter-1', 'letter-9'] }, undefined])
  assert.deepEqual(replayText([]), ['No dead letter fits.'])
})

test('drop says how many it was', async () => {
  await using w = await world()
  assert.deepEqual((await w.run(['dead-letters', 'drop', '--all'])).lines.out, ['dropped: 1 dead letter.'])
  assert.equal((await w.run(['dead-letters', 'drop', '--cause', 'timeout', '-o', 'json'])).lines.out[0], '{\n  "dropped": 1\n}')
  assert.deepEqual(w.view.calls, [
    ['dropDeadLetters', {}],
    ['dropDeadLetters', { cause: 'timeout' }],
  ])
})
