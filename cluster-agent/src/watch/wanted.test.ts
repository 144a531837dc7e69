import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { plan, streamPlan, watchPlan } from '../testing/objects.ts'
import { compileAffected, wantedKinds } from './wanted.ts'

const services = streamPlan('a')
const names = streamPlan('b', { projection: { keep: ['metadata.name'], prune: [] } })
const configmaps = streamPlan('c', { resource: 'configmaps' })
const team = watchPlan('team', { namespaces: { include: [], exclude: [], selector: { matchLabels: { team: 'a' } } } })
const byTeam = streamPlan('d', { resource: 'secrets', watches: [team] })

const signatures = (of: Parameters<typeof wantedKinds>[0]) =>
  Object.fromEntries([...wantedKinds(of)].map(([key, { signature }]) => [key, signature]))

suite('wantedKinds', () => {
  test('wants a kind once for all its streams, and one per version that is asked for', () => {
    const wanted = wantedKinds(plan('p', [services, names, configmaps, streamPlan('v', { version: 'v1' })]))
    assert.deepEqual([...wanted.keys()], ['services/', 'configmaps/', 'services/v1'])
    assert.deepEqual(
      wanted.get('services/')?.streams.map(({ plan: { id } }) => id),
      ['a', 'b'],
    )
    assert.deepEqual(wanted.get('services/v1')?.ref, { group: '', resource: 'services', version: 'v1' })
  })

  test('wants nothing while paused', () => {
    assert.equal(wantedKinds(plan('p', [services], { paused: true })).size, 0)
  })

  test('wants the same whatever the order of the streams, the hash of the plan and the rest of it', () => {
    const one = signatures(plan('p1', [services, names, configmaps]))
    const two = signatures(plan('p2', [names, services], { cluster: { name: 'prod', labels: { env: 'prod' } } }))
    assert.equal(one['services/'], two['services/'])
  })

  test('wants another thing when a watch changes, or a label that `when` may see', () => {
    const before = signatures(plan('p', [services]))
    assert.notDeepEqual(signatures(plan('p', [streamPlan('a', { watches: [watchPlan('other')] })])), before)
    const seeing = streamPlan('a', { watches: [watchPlan('web', { when: 'cluster.labels.env == "prod"' })] })
    assert.notDeepEqual(
      signatures(plan('p', [seeing], { cluster: { name: 'c', labels: { env: 'x' } } })),
      signatures(plan('p', [seeing])),
    )
  })

  test('wants namespaces for those who select by their labels, without a stream of its own', () => {
    const wanted = wantedKinds(plan('p', [services, byTeam]))
    assert.deepEqual(
      [...wanted].map(([key, { usesNamespaceLabels, feedsNamespaceLabels }]) => [key, usesNamespaceLabels, feedsNamespaceLabels]),
      [
        ['services/', false, false],
        ['secrets/', true, false],
        ['namespaces/', false, true],
      ],
    )
    assert.deepEqual(wanted.get('namespaces/')?.streams, [])
    const itself = wantedKinds(plan('p', [streamPlan('n', { resource: 'namespaces', watches: [team] })]))
    assert.equal(itself.get('namespaces/')?.feedsNamespaceLabels, false, 'a namespace is selected by its own labels')
  })
})

suite('compileAffected', () => {
  const kindOf = (stream: typeof services) => {
    const [wanted] = wantedKinds(plan('p', [stream])).values()
    assert.ok(wanted)
    return compileAffected(wanted)
  }

  test('is affected when the selection of the namespace changes', () => {
    const affected = kindOf(byTeam)
    assert.deepEqual(
      [
        affected(undefined, { team: 'a' }),
        affected({ team: 'b' }, { team: 'a' }),
        affected({ team: 'a' }, {}),
        affected({ team: 'a' }, { team: 'a', noise: '1' }),
        affected(undefined, { team: 'b' }),
      ],
      [true, true, true, false, false],
    )
  })

  test('is not affected without a selector, nor by one that it does not understand', () => {
    assert.equal(kindOf(services)(undefined, { team: 'a' }), false)
    const odd = { matchExpressions: [{ key: 'team', operator: 'Like', values: ['a'] }] }
    const strange = streamPlan('s', { watches: [watchPlan('w', { namespaces: { include: [], exclude: [], selector: odd } })] })
    assert.equal(kindOf(strange)(undefined, { team: 'a' }), false)
  })
})
