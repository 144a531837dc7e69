import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplayOutcome } from './delivery/detail.ts'
import { letterView } from './letter-view.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterHead, Page } from './store/store.ts'

const letter = (id: string, endpoint = 'dns'): DeadLetter => ({
  ...{ id, endpoint, cluster: 'prod', sequence: 7, type: 'updated', cause: 'http_4xx', reason: 'no', attempts: 3 },
  object: {
    group: '',
    version: 'v1',
    kind: 'Service',
    resource: 'services',
    namespace: 'web',
    name: id,
    uid: id,
    resourceVersion: '1',
  },
  ...{ firstAttemptAt: 1, diedAt: 2, answer: 'no such zone' },
  content: `{"row":{"tab":"\\t"}}\t{"metadata":{"name":"${id}"}}`,
})

/** Dead letters in a list; each endpoint answers for those that it was asked for. */
function setUp(letters: readonly DeadLetter[], outcomes: Readonly<Record<string, ReplayOutcome>>) {
  const asked: unknown[] = []
  const note = <T>(what: unknown, answer: T): Promise<T> => {
    asked.push(what)
    return Promise.resolve(answer)
  }
  const heads = letters.map(({ content: _, answer: __, ...head }): DeadLetterHead => head)
  const view = letterView({
    store: {
      deadLetters: (of: DeadLetterFilter & Page) =>
        note(['list', of], of.after === undefined ? { letters: heads, next: 'p2' } : { letters: [] }),
      deadLetter: async (id) => letters.find((each) => each.id === id),
      dropDeadLetters: (filter) => note(['drop', filter], 4),
    },
    delivery: {
      replay: (name, ids) =>
        note(
          ['replay', name, ids],
          name === 'removed' ? undefined : ids.map((id) => ({ id, outcome: outcomes[id] ?? 'missing' })),
        ),
    },
    now: () => 10_000,
  })
  return { view, asked }
}

test('an age becomes a time of the hub, and a page goes on after the last one', async () => {
  const { view, asked } = setUp([], {})
  await view.deadLetters({ endpoint: 'dns', olderThanMs: 4_000, limit: 5, after: 'p1' })
  assert.equal(await view.dropDeadLetters({ olderThanMs: 0, cause: 'timeout' }), 4)
  assert.deepEqual(asked, [
    ['list', { endpoint: 'dns', diedBefore: 6_000, limit: 5, after: 'p1' }],
    ['drop', { cause: 'timeout', diedBefore: 10_000 }],
  ])
})

test('a letter is told whole, with its object instead of the text that the store keeps', async () => {
  const { view } = setUp([letter('shop')], {})
  const { content: _, ...rest } = letter('shop')
  assert.deepEqual(await view.deadLetter('shop'), { ...rest, body: { metadata: { name: 'shop' } } })
  assert.equal(await view.deadLetter('none'), undefined)
})

test('a replay asks each endpoint for its own letters, and tells of each in the order of the list', async () => {
  const { view, asked } = setUp([letter('a'), letter('b', 'audit'), letter('c', 'removed'), letter('d')], {
    ...{ a: 'sent', b: 'gone', d: 'parked' },
  })
  const { letters, next } = await view.replay({ cluster: 'prod' })
  assert.deepEqual(
    letters.map(({ id, endpoint, outcome }) => [id, endpoint, outcome]),
    [
      ['a', 'dns', 'sent'],
      ['b', 'audit', 'gone'],
      ['c', 'removed', 'no-endpoint'],
      ['d', 'dns', 'parked'],
    ],
  )
  assert.equal(next, 'p2')
  assert.deepEqual(asked.slice(1), [
    ['replay', 'dns', ['a', 'd']],
    ['replay', 'audit', ['b']],
    ['replay', 'removed', ['c']],
  ])
  assert.deepEqual(await view.replay({ cluster: 'prod' }, next), { letters: [] })
})
