import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { Explanation, Question } from '@watch-hub/shared/protocol/explain'
import { planFor } from '../config/plan.ts'
import { cluster, endpoint, manifest, snapshotOf } from '../config/testing/manifests.ts'
import type { AgentAnswer } from '../fleet/questions.ts'
import { fakeStatus } from '../http/testing/fake-view.ts'
import { openMemoryStore } from '../store/memory.ts'
import type { Why, WhyQuestion } from './model.ts'
import { createWhy } from './why.ts'

const kinds = (name: string, resources: string, spec = 'endpoints: [dns]') =>
  manifest('Watch', name, `resources: [${resources}]\n${spec}`)
const texts = [
  cluster('prod'),
  endpoint('dns'),
  endpoint('crm'),
  kinds('services', 'services'),
  kinds('widgets', 'widgets.example.com', 'endpoints: [crm]'),
  kinds('events', 'events, events.events.k8s.io'),
]

/** Asks with an agent that answers so; `asked` is what it was asked. */
async function setUp(answer: (plan: string) => AgentAnswer) {
  const snapshot = await snapshotOf(...texts)
  const plan = planFor(snapshot, 'prod')
  const [known] = fakeStatus.clusters
  assert.ok(plan && known)
  const asked: Question[] = []
  const scope = new AsyncDisposableStack()
  const store = scope.use(await openMemoryStore())
  const why = createWhy({
    config: { snapshot: () => snapshot },
    fleet: {
      ask: async (_cluster, question) => {
        asked.push(question)
        return answer(plan.hash)
      },
      clusters: async () => [{ ...known, name: 'prod', desiredHash: plan.hash, receivedHash: plan.hash, activeHash: plan.hash }],
    },
    delivery: { about: async () => undefined },
    store,
  })
  const explain = async (question: Omit<WhyQuestion, 'cluster'>): Promise<Why> => {
    const explained = await why({ cluster: 'prod', ...question })
    assert.ok(explained.kind === 'explained', JSON.stringify(explained))
    return explained.why
  }
  return { why, explain, asked, [Symbol.asyncDispose]: () => scope.disposeAsync() }
}

const says =
  (streams: Explanation['streams']) =>
  (plan: string): AgentAnswer => ({ kind: 'answered', explanation: { plan, streams } })

suite('why', () => {
  test('asks the agent for the kind by its name, in the namespace default unless another is given', async () => {
    await using on = await setUp(says([]))
    await on.explain({ resource: 'svc', name: 'shop' })
    await on.explain({ resource: 'Service', name: 'shop', namespace: 'web' })
    await on.explain({ resource: 'node', name: 'n', namespace: 'web' })
    const core = { group: '', name: 'shop', resource: 'services' }
    assert.deepEqual(on.asked, [
      { ...core, namespace: 'default' },
      { ...core, namespace: 'web' },
      { group: '', resource: 'nodes', namespace: '', name: 'n' },
    ])
  })

  test('learns from the agent that a kind has no namespaces', async () => {
    const kind = { version: 'v1', kind: 'Widget', namespaced: false }
    await using on = await setUp(says([{ stream: 's', state: { state: 'live' }, kind, found: 'absent', watches: [] }]))
    const { resource, namespace, verdict } = await on.explain({ resource: 'widget', name: 'w' })
    assert.deepEqual([resource, namespace], ['widgets.example.com', ''])
    assert.equal(verdict, 'not told: widgets.example.com w does not exist in prod')
  })

  test('tells of the endpoint that is asked for, else of those of watches that match', async () => {
    await using on = await setUp(says([]))
    const names = ({ watches, endpoints }: Why) => [watches.map(({ watch }) => watch), endpoints.map((each) => each.endpoint)]
    assert.deepEqual(names(await on.explain({ resource: 'svc', name: 'shop' })), [['events', 'services', 'widgets'], ['dns']])
    assert.deepEqual(names(await on.explain({ resource: 'svc', name: 'shop', endpoint: 'crm' })), [['widgets'], ['crm']])
  })

  test('says that nobody can say where the agent is silent', async () => {
    await using on = await setUp(() => ({ kind: 'silent', why: 'the agent is connected and did not answer within 10s' }))
    const { told, object, verdict } = await on.explain({ resource: 'svc', name: 'shop' })
    assert.deepEqual([told, object.state], [false, 'unknown'])
    assert.match(verdict, /^nobody can say whether the watch services tells dns of it: the agent is connected and did not answer/)
  })

  test('does not guess at names that nobody knows, or that several kinds have', async () => {
    await using on = await setUp(says([]))
    const about = { cluster: 'prod', resource: 'svc', name: 'shop' }
    assert.deepEqual(await on.why({ ...about, cluster: 'prd' }), {
      ...{ kind: 'unknown', what: 'cluster', name: 'prd' },
      hint: " (did you mean 'prod'?)",
    })
    assert.partialDeepStrictEqual(await on.why({ ...about, endpoint: 'xyz' }), { kind: 'unknown', what: 'endpoint', hint: '' })
    assert.partialDeepStrictEqual(await on.why({ ...about, resource: 'widgt' }), { kind: 'unknown', what: 'kind' })
    assert.deepEqual(await on.why({ ...about, resource: 'event' }), {
      ...{ kind: 'ambiguous', typed: 'event' },
      candidates: ['events', 'events.events.k8s.io'],
    })
    assert.deepEqual(on.asked, [])
  })
})
