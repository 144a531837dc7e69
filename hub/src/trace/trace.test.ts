import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeStatus } from '../http/testing/fake-view.ts'
import type { Asked, Story } from '../store/story.ts'
import { traceView } from './trace.ts'

const object = {
  ...{ group: '', version: 'v1', kind: 'Service', resource: 'services', namespace: 'web', name: 'shop' },
  ...{ uid: 'u', resourceVersion: '1' },
}
const row: Story['row'] = {
  ...{ sequence: 7, cluster: 'prod', context: 'c', stream: 's', object, observedAt: 1, appendedAt: 2 },
  ...{ cause: 'live', change: 'modified', matches: ['lb'], routes: [{ endpoint: 'cmdb', type: 'updated', watches: ['lb'] }] },
}
const question = { cluster: 'prod', resource: 'services', name: 'shop', limit: 50 }

/** `known`: the story of any event. */
function setUp(known: (sequence: number) => Story) {
  const stories: Asked[] = []
  let looks = 0
  const view = traceView({
    store: {
      story: async (sequence, asked = {}) => {
        stories.push(asked)
        return known(sequence)
      },
      batchStory: async () => undefined,
      objectEvents: async () => ({ sequences: [3, 2, 1], complete: true, lookedAt: 3 }),
      deadLetter: async () => undefined,
      context: async () => ({ cluster: { name: 'prod', uid: 'u', labels: {}, metadata: {} }, watches: {} }),
    },
    config: { snapshot: () => undefined },
    delivery: {
      status: async () => {
        looks++
        return fakeStatus.endpoints
      },
      sending: () => new Map(),
    },
  })
  return { view, stories, looks: () => looks }
}

test('how endpoints do is looked at once for all events that are asked for', async () => {
  const { view, looks } = setUp((sequence) => ({ sequence, endpoints: [] }))
  const answer = await view.traceObject(question)
  assert.deepEqual([answer.kind === 'found' && answer.trace.events.length, looks()], [3, 1])
})

test('only the endpoint that is asked for is looked at, as long as somebody waits', async () => {
  const { view, stories } = setUp((sequence) => ({ sequence, endpoints: [] }))
  const asked = { endpoint: 'dns', signal: new AbortController().signal }
  await view.traceObject(question, asked)
  await view.trace('7', asked)
  assert.deepEqual(stories, [asked, asked, asked, asked])
})

test('an endpoint that an event is not routed to is said to be told nothing of it, and who is', async () => {
  const notes = async (story: Omit<Story, 'sequence' | 'endpoints'>) => {
    const { view } = setUp((sequence) => ({ sequence, endpoints: [], ...story }))
    const answer = await view.trace('7', { endpoint: 'dns' })
    return answer.kind === 'found' ? answer.trace.events[0]?.notes.at(-1) : answer.kind
  }
  const about = { cluster: 'prod', object }
  assert.equal(await notes({ row, about }), 'dns is not told of it, but cmdb')
  assert.equal(await notes({ row: { ...row, routes: [] }, about }), 'dns is not told of it')
  assert.equal(await notes({ about }), 'nothing is known of it that dns was told')
})
