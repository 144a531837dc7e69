import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createTurns } from './turns.ts'

const live = new AbortController().signal

suite('turns', () => {
  test('let so many in, and the next one when one ends', async () => {
    const turns = createTurns(2)
    const first = await turns.take(live)
    const second = await turns.take(live)
    let third = false
    const waiting = turns.take(live).then((turn) => {
      third = true
      return turn
    })
    await Promise.resolve()
    assert.equal(third, false)
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    using _third = await waiting
    let fourth = false
    const more = turns.take(live).then((turn) => {
      fourth = true
      return turn
    })
    await Promise.resolve()
    assert.equal(fourth, false, 'a turn that is ended twice frees one place')
    second[Symbol.dispose]()
    ;(await more)[Symbol.dispose]()
  })

  test('are not waited for when the signal aborts', async () => {
    const turns = createTurns(1)
    using _turn = await turns.take(live)
    const reason = new Error('stopped')
    await assert.rejects(turns.take(AbortSignal.abort(reason)), reason)
  })
})
