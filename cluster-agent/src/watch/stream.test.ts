import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bodyHash } from '@watch-hub/shared/pipeline/hash'
import { decodeKubeObject } from '@watch-hub/shared/pipeline/object'
import type { StreamPlan } from '@watch-hub/shared/protocol/plan'
import { namespace, type ServiceOptions, service, streamPlan, watchPlan } from '../testing/objects.ts'
import { createIndex } from './index.ts'
import { type Change, createStream, type Sighting } from './stream.ts'

const services = { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true, verbs: [] }
const live: Sighting = { cause: 'live', observedAt: 42 }
const listed: Sighting = { cause: 'list', observedAt: 43 }
const object = (name: string, options?: ServiceOptions) => decodeKubeObject(service(name, options))

function stream(plan: Partial<StreamPlan> = {}) {
  const errors: string[] = []
  const index = createIndex()
  const deps = {
    cluster: { name: 'prod', labels: { env: 'prod' } },
    index,
    namespaceLabels: (name: string) => (name === 'team-a' ? { team: 'a' } : undefined),
    onMatchError: (watch: string, error: string) => void errors.push(`${watch}: ${error}`),
  }
  const created = createStream(streamPlan('s', plan), { ...services, resource: plan.resource ?? 'services' }, deps)
  return { ...created, errors }
}

/** Applies them, as the sink does, and gives their entries. */
function entries(changes: Iterable<Change>) {
  return [...changes].map(({ entry, apply }) => {
    apply()
    return entry
  })
}

suite('a stream', () => {
  test('tells a new object whole, with what it matches', () => {
    const { present, index } = stream()
    const [entry, ...more] = entries(present(object('a', { version: 7 }), 'added', live))
    assert.deepEqual(more, [])
    const body =
      '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","namespace":"default","uid":"uid-a"},"spec":{"type":"ClusterIP"}}'
    assert.deepEqual(entry, {
      namespace: 'default',
      name: 'a',
      uid: 'uid-a',
      resourceVersion: '7',
      cause: 'live',
      observedAt: 42,
      change: 'added',
      matches: ['web'],
      hash: bodyHash(body),
      body,
    })
    assert.deepEqual(index.get({ namespace: 'default', name: 'a' })?.hash, bodyHash(body))
  })

  test('while the index is in doubt, tells an object of another version whole although its content is the same; of the known version nothing', () => {
    const { present, index } = stream()
    entries(present(object('a', { version: 1 }), 'added', live))
    index.doubted = true
    assert.deepEqual(entries(present(object('a', { version: 1 }), 'added', listed)), [])
    const [entry] = entries(present(object('a', { version: 3 }), 'added', listed))
    assert.partialDeepStrictEqual(entry, { change: 'modified', cause: 'list', resourceVersion: '3' })
    assert.ok(entry?.body !== undefined)
    assert.deepEqual(entries(present(object('a', { version: 3 }), 'added', listed)), [])
  })

  test('while the index is in doubt, tells what labels of its namespace may have taken out of a watch and back, though its version is known', () => {
    const selector = { matchLabels: { team: 'a' } }
    const { present, index } = stream({ watches: [watchPlan('team', { namespaces: { include: [], exclude: [], selector } })] })
    const of = { namespace: 'team-a', version: 1 }
    assert.equal(entries(present(object('a', of), 'added', live)).length, 1)
    index.doubted = true
    assert.equal(entries(present(object('a', of), 'added', listed)).length, 1)
  })

  test('says nothing of an object whose projection is the same as before', () => {
    const { present, index } = stream({ projection: { keep: [], prune: ['metadata.labels'] } })
    entries(present(object('a', { version: 1 }), 'added', live))
    assert.deepEqual(entries(present(object('a', { version: 2, labels: { noise: '1' } }), 'modified', live)), [])
    assert.equal(index.get({ namespace: 'default', name: 'a' })?.resourceVersion, '1', 'the index holds what the hub was told')
  })

  test('tells a changed object with its body, and as modified, whatever the watch calls it', () => {
    const { present } = stream()
    entries(present(object('a'), 'added', live))
    const [entry] = entries(present(object('a', { type: 'NodePort' }), 'added', live))
    assert.equal(entry?.change, 'modified')
    assert.match(entry?.body ?? '', /NodePort/)
  })

  test('says nothing of an object that no watch matches and the hub does not know', () => {
    const { present, deleted } = stream({ watches: [watchPlan('web', { labelSelector: { matchLabels: { app: 'web' } } })] })
    assert.deepEqual(entries(present(object('a'), 'added', live)), [])
    assert.deepEqual(entries(deleted(object('a'), live)), [])
  })

  test('tells without a body that an object matches nothing any more', () => {
    const { present, index } = stream({ watches: [watchPlan('web', { labelSelector: { matchLabels: { app: 'web' } } })] })
    entries(present(object('a', { labels: { app: 'web' } }), 'added', live))
    const [entry] = entries(present(object('a', { version: 2 }), 'modified', live))
    assert.partialDeepStrictEqual(entry, { change: 'modified', matches: [], resourceVersion: '2' })
    assert.ok(entry !== undefined && !('hash' in entry) && !('body' in entry))
    assert.equal(index.size, 0)
  })

  test('tells a change of what it matches without a body, when the projection is the same', () => {
    const web = watchPlan('web')
    const front = watchPlan('a-front', { labelSelector: { matchLabels: { tier: 'front' } } })
    const { present } = stream({ watches: [web, front], projection: { keep: ['spec'], prune: [] } })
    const [first] = entries(present(object('a'), 'added', live))
    const [second] = entries(present(object('a', { labels: { tier: 'front' } }), 'modified', live))
    assert.partialDeepStrictEqual(second, { matches: ['a-front', 'web'], hash: first?.hash ?? '' })
    assert.ok(second !== undefined && !('body' in second))
  })

  test('tells that the old object is gone before the new one of the same name is added', () => {
    const { present } = stream()
    entries(present(object('a', { uid: 'old', version: 1 }), 'added', live))
    const told = entries(present(object('a', { uid: 'new', version: 5 }), 'added', listed))
    assert.deepEqual(
      told.map(({ change, uid, resourceVersion, cause }) => [change, uid, resourceVersion, cause]),
      [
        ['gone', 'old', '1', 'list'],
        ['added', 'new', '5', 'list'],
      ],
    )
    assert.ok(told[1] && 'body' in told[1], 'the new object is told whole, even with equal content')
  })

  test('tells only that the old one is gone when the new one of the same name matches nothing', () => {
    const { present, index } = stream({ watches: [watchPlan('web', { labelSelector: { matchLabels: { app: 'web' } } })] })
    entries(present(object('a', { uid: 'old', labels: { app: 'web' } }), 'added', live))
    const told = entries(present(object('a', { uid: 'new' }), 'modified', live))
    assert.deepEqual(
      told.map(({ change, uid }) => [change, uid]),
      [['gone', 'old']],
    )
    assert.equal(index.size, 0)
  })

  test('tells a deletion of what the hub knows, not of a namesake', () => {
    const { present, deleted } = stream()
    entries(present(object('a', { uid: 'now' }), 'added', live))
    assert.deepEqual(entries(deleted(object('a', { uid: 'long ago' }), live)), [])
    const [entry] = entries(deleted(object('a', { uid: 'now', version: 9 }), live))
    assert.partialDeepStrictEqual(entry, { change: 'gone', uid: 'now', matches: [], resourceVersion: '9' })
    assert.deepEqual(entries(deleted(object('a', { uid: 'now', version: 9 }), live)), [])
  })

  test('tells what a list lacks', () => {
    const { present, missing, index } = stream()
    for (const name of ['a', 'b', 'c']) entries(present(object(name), 'added', live))
    index.unseeAll()
    entries(present(object('b'), 'added', listed))
    const told = entries(missing(listed))
    assert.deepEqual(
      told.map(({ name, change, cause, resourceVersion }) => [name, change, cause, resourceVersion]),
      [
        ['a', 'gone', 'list', '1'],
        ['c', 'gone', 'list', '1'],
      ],
    )
    assert.equal(index.size, 1)
  })

  test('gives the same change again while it was not applied', () => {
    const { present } = stream()
    const lost = present(object('a'), 'added', live)
    assert.deepEqual(
      entries(present(object('a'), 'added', live)),
      lost.map(({ entry }) => entry),
    )
  })

  test('leaves an object as it was for a watch whose `when` fails on it', () => {
    const watches = [watchPlan('all'), watchPlan('picky', { when: 'object.spec.type.startsWith("C")' })]
    const { present, errors } = stream({ watches })
    assert.partialDeepStrictEqual(entries(present(object('in'), 'added', live)), [{ matches: ['all', 'picky'] }])
    const odd = (name: string) => decodeKubeObject({ ...service(name), spec: { type: 7 } })
    assert.partialDeepStrictEqual(entries(present(odd('in'), 'modified', live)), [{ matches: ['all', 'picky'] }])
    assert.deepEqual(entries(present(odd('out'), 'added', live))[0]?.matches, ['all'])
    assert.equal(errors.length, 2)
    assert.match(errors[0] ?? '', /^picky: /)
  })

  test('matches by the labels of the namespace and by those of the cluster', () => {
    const bySelector = watchPlan('team', { namespaces: { include: [], exclude: [], selector: { matchLabels: { team: 'a' } } } })
    const byCluster = watchPlan('prod', { when: 'cluster.labels.env == "prod"' })
    const { present } = stream({ watches: [bySelector, byCluster] })
    assert.deepEqual(entries(present(object('a', { namespace: 'team-a' }), 'added', live))[0]?.matches, ['prod', 'team'])
    assert.deepEqual(entries(present(object('a', { namespace: 'unknown' }), 'added', live))[0]?.matches, ['prod'])
  })

  test('redacts Secrets before anything looks at them, unless the plan includes them', () => {
    const secret = decodeKubeObject({ ...service('a'), kind: 'Secret', data: { password: 'aHVudGVyMg==' } })
    const spying = [watchPlan('all'), watchPlan('spy', { when: 'object.data.password == "aHVudGVyMg=="' })]
    const [redacted] = entries(stream({ resource: 'secrets', watches: spying }).present(secret, 'added', live))
    assert.deepEqual(redacted?.matches, ['all'])
    assert.doesNotMatch(redacted?.body ?? '', /aHVudGVyMg/)
    const [whole] = entries(stream({ resource: 'secrets', includeSecretData: true }).present(secret, 'added', live))
    assert.match(whole?.body ?? '', /aHVudGVyMg/)
  })

  test('knows cluster-scoped objects by an empty namespace', () => {
    const { present } = stream()
    const [entry] = entries(present(decodeKubeObject(namespace('prod')), 'added', live))
    assert.deepEqual([entry?.namespace, entry?.name], ['', 'prod'])
  })

  test('is not made from a plan that cannot be followed', () => {
    assert.throws(() => stream({ watches: [watchPlan('odd', { when: 'object.(' })] }))
    assert.throws(() => stream({ projection: { keep: ['..'], prune: [] } }))
  })
})
