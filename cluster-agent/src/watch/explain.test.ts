import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { bodyHash } from '@watch-hub/shared/pipeline/hash'
import { decodeKubeObject } from '@watch-hub/shared/pipeline/object'
import { compileProjection } from '@watch-hub/shared/pipeline/project'
import type { StreamVerdict } from '@watch-hub/shared/protocol/explain'
import { explainedWatches } from '@watch-hub/shared/protocol/limits'
import type { Plan } from '@watch-hub/shared/protocol/plan'
import { coreResources, list, plan, service, status, streamPlan, watchPlan } from '../testing/objects.ts'
import { scriptedKube } from '../testing/scripted-kube.ts'
import { explain, type Followed } from './explain.ts'
import { createIndex, type Row } from './index.ts'

const live = new AbortController().signal
const shop = { group: '', resource: 'services', namespace: 'web', name: 'shop' }

interface World {
  readonly of: Plan | undefined
  readonly told?: Readonly<Record<string, Row>>
  readonly namespaceLabels?: Followed['namespaceLabels']
}

function asking(question: typeof shop, { of, told = {}, namespaceLabels = () => undefined }: World) {
  const api = scriptedKube()
  const followed: Followed = {
    plan: of,
    stateOf: () => ({ state: 'live' }),
    indexOf: (stream) => {
      const row = told[stream]
      const index = createIndex()
      if (row !== undefined) index.set(question, row)
      return index
    },
    namespaceLabels,
  }
  return { api, done: explain(question, followed, api, live) }
}

/** Answers with these objects, and gives the streams of what was made of them. */
async function made(question: typeof shop, world: World, items: readonly Readonly<Record<string, unknown>>[]) {
  const { api, done } = asking(question, world)
  ;(await api.next()).answer(200, coreResources)
  const asked = await api.next()
  asked.answer(200, list(items))
  return { path: asked.path, ...(await done) }
}

const verdicts = (streams: readonly StreamVerdict[]) =>
  streams.flatMap(({ watches }) =>
    watches.flatMap(({ watch, conditions }) => conditions.map(({ field, verdict }) => `${watch} ${field} ${verdict}`)),
  )

suite('explaining an object', () => {
  test('lists it by its name in its namespace, and judges each condition of each watch of each stream', async () => {
    const web = watchPlan('web', { namespaces: { include: ['web'], exclude: ['lab'] } })
    const labelled = watchPlan('labelled', {
      labelSelector: { matchLabels: { app: 'cart' } },
      when: 'object.spec.type == "ClusterIP"',
    })
    const of = plan('p1', [streamPlan('all', { watches: [web, labelled] }), streamPlan('bare', { watches: [watchPlan('bare')] })])
    const { path, streams, ...rest } = await made(shop, { of }, [service('shop', { namespace: 'web', version: 7 })])
    assert.equal(path, '/api/v1/namespaces/web/services?fieldSelector=metadata.name%3Dshop')
    assert.deepEqual(rest, { plan: 'p1' })
    assert.deepEqual(verdicts(streams), [
      'web namespaces.include holds',
      'web namespaces.exclude holds',
      'labelled labelSelector fails',
      'labelled when holds',
    ])
    for (const { object, found, kind } of streams) {
      assert.deepEqual(object, { namespace: 'web', uid: 'uid-shop', resourceVersion: '7' })
      assert.deepEqual([found, kind], ['present', { version: 'v1', kind: 'Service', namespaced: true }])
    }
  })

  test('judges a Secret without its data, unless the stream has them, and tells none of it', async () => {
    const when = watchPlan('guess', { when: 'object.data.password == "aHVudGVyMg=="' })
    const of = plan('p1', [
      streamPlan('redacted', { resource: 'secrets', watches: [when] }),
      streamPlan('whole', { resource: 'secrets', watches: [when], includeSecretData: true }),
    ])
    const secret = { ...service('shop', { namespace: 'web' }), data: { password: 'aHVudGVyMg==' } }
    const { streams, ...rest } = await made({ ...shop, resource: 'secrets' }, { of }, [secret])
    assert.deepEqual(verdicts(streams), ['guess when fails', 'guess when holds'])
    assert.doesNotMatch(JSON.stringify([streams, rest]), /aHVudGVyMg/)
  })

  test('says whether what it told last is what the stream makes of the object now', async () => {
    const object = service('shop', { namespace: 'web', version: 9 })
    const projection = { keep: ['spec'], prune: [] }
    const hash = bodyHash(JSON.stringify(compileProjection(projection)(decodeKubeObject(object))))
    const of = plan('p1', [streamPlan('specs', { projection }), streamPlan('all')])
    const row = { uid: 'uid-shop', resourceVersion: '5', matches: ['web'] }
    const { streams } = await made(shop, { of, told: { specs: { ...row, hash }, all: { ...row, hash: 'another' } } }, [object])
    assert.deepEqual(
      streams.map(({ stream, unchanged, told }) => [stream, unchanged, told]),
      [
        ['specs', true, row],
        ['all', false, row],
      ],
    )
  })

  test('of an object that is not there it tells what it remembers, and judges nothing', async () => {
    const row = { uid: 'u', resourceVersion: '5', hash: 'h', matches: ['web'] }
    const when = watchPlan('web', { when: 'object.spec.x == 1' })
    const { streams } = await made(shop, { of: plan('p1', [streamPlan('s', { watches: [when] })]), told: { s: row } }, [
      service('shop', { namespace: 'other' }),
    ])
    assert.partialDeepStrictEqual(streams, [
      {
        found: 'absent',
        told: { uid: 'u', resourceVersion: '5', matches: ['web'] },
        watches: [{ watch: 'web', conditions: [] }],
      },
    ])
    assert.ok(streams[0] !== undefined && !('object' in streams[0]) && !('unchanged' in streams[0]))
  })

  test('a kind without namespaces is looked for without one, and its labels are judged as such', async () => {
    const of = plan('p1', [
      streamPlan('n', {
        resource: 'namespaces',
        watches: [watchPlan('n', { namespaces: { include: ['w*'], exclude: [], selector: { matchLabels: { team: 'a' } } } })],
      }),
    ])
    const object = { metadata: { name: 'web', uid: 'u', resourceVersion: '3', labels: { team: 'a' } } }
    const { path, streams } = await made({ ...shop, resource: 'namespaces', name: 'web' }, { of }, [object])
    assert.equal(path, '/api/v1/namespaces?fieldSelector=metadata.name%3Dweb')
    assert.deepEqual(verdicts(streams), ['n namespaces.include holds', 'n namespaces.selector holds'])
  })

  test('a server that refuses, or does not have the kind, is quoted', async () => {
    const of = plan('p1', [streamPlan('s')])
    const refused = asking(shop, { of })
    ;(await refused.api.next()).answer(200, coreResources)
    ;(await refused.api.next()).answer(403, status(403, 'Forbidden'))
    assert.partialDeepStrictEqual((await refused.done).streams, [
      { found: 'unknown', problem: 'the API server answered 403: Forbidden (told by the test)', watches: [{ conditions: [] }] },
    ])
    const missing = asking(shop, { of })
    ;(await missing.api.next()).answer(200, { resources: [] })
    assert.partialDeepStrictEqual((await missing.done).streams, [
      { found: 'unknown', problem: 'the API server has no resource services' },
    ])
  })

  test('of a kind that the plan does not have, and without a plan, nothing is asked', async () => {
    const { api, done } = asking({ ...shop, resource: 'pods' }, { of: plan('p1', [streamPlan('s')]) })
    assert.deepEqual(await done, { plan: 'p1', streams: [] })
    assert.deepEqual(api.unseen, [])
    assert.deepEqual(await asking(shop, { of: undefined }).done, { plan: '', streams: [] })
  })

  test('a watch that this agent does not understand says so, and the others are judged', async () => {
    const watches = [watchPlan('odd', { when: 'object.(' }), watchPlan('web', { when: 'true' })]
    const { streams } = await made(shop, { of: plan('p1', [streamPlan('s', { watches })]) }, [
      service('shop', { namespace: 'web' }),
    ])
    assert.deepEqual(verdicts(streams), ['odd when unclear', 'web when holds'])
    assert.match(streams[0]?.watches[0]?.conditions[0]?.detail ?? '', /^this agent cannot follow the watch: /)
  })

  test('an answer tells of so many watches, and of no more', async () => {
    const watches = Array.from({ length: explainedWatches }, (_, i) => watchPlan(`w${i}`))
    const of = plan('p1', [streamPlan('a', { watches }), streamPlan('b', { watches: [watchPlan('x'), watchPlan('y')] })])
    const { streams } = await made(shop, { of }, [])
    assert.deepEqual(
      streams.map((each) => each.watches.length),
      [explainedWatches, 0],
    )
  })
})
