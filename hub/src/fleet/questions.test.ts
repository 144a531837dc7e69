import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { questionsInFlight } from '@watch-hub/shared/protocol/limits'
import type { DownMessage } from '@watch-hub/shared/protocol/messages'
import { openQuestions } from './questions.ts'

const about = { group: '', resource: 'services', namespace: 'web', name: 'shop' }
const answer = { plan: 'p', streams: [] }

function setUp(answerMs = 60_000) {
  const told: DownMessage[] = []
  const questions = openQuestions(
    async (message) => {
      told.push(message)
    },
    { answerMs },
  )
  return { told, questions }
}

suite('questions to an agent', () => {
  test('are answered each by its number, in any order', async () => {
    const { told, questions } = setUp()
    const both = [questions.ask(about), questions.ask({ ...about, name: 'cart' })]
    assert.deepEqual(told, [
      { type: 'explain', request: 1, ...about },
      { type: 'explain', request: 2, ...about, name: 'cart' },
    ])
    questions.answered({ type: 'explanation', request: 2, ...answer, plan: 'second' })
    questions.answered({ type: 'explanation', request: 1, ...answer, plan: 'first' })
    questions.answered({ type: 'explanation', request: 99, ...answer })
    assert.deepEqual(await Promise.all(both), [
      { kind: 'answered', explanation: { ...answer, plan: 'first' } },
      { kind: 'answered', explanation: { ...answer, plan: 'second' } },
    ])
  })

  test('are answered by the end of the connection, also those that come after it', async () => {
    const { questions } = setUp()
    const asked = questions.ask(about)
    questions.close()
    const gone = { kind: 'silent', why: 'the agent went away' }
    assert.deepEqual(await asked, gone)
    assert.deepEqual(await questions.ask(about), gone)
  })

  test('are given up when no answer comes in time', async () => {
    const { questions } = setUp(20)
    assert.deepEqual(await questions.ask(about), {
      kind: 'silent',
      why: 'the agent is connected and did not answer within 0.02s',
    })
  })

  test('are few at a time: one more is told so, and there is room again when one is over', async () => {
    const { told, questions } = setUp()
    const open = Array.from({ length: questionsInFlight }, () => questions.ask(about))
    const refused = await questions.ask(about)
    assert.ok(refused.kind === 'silent' && /4 questions to answer already/.test(refused.why))
    questions.answered({ type: 'explanation', request: 1, ...answer })
    await open[0]
    void questions.ask(about)
    assert.equal(told.length, questionsInFlight + 1)
    questions.close()
  })

  test('that cannot be sent are answered', async () => {
    const questions = openQuestions(() => Promise.reject(new Error('the connection is closed')))
    assert.deepEqual(await questions.ask(about), { kind: 'silent', why: 'the agent went away' })
  })
})
