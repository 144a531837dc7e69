import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { waitingRoom } from './waiting-room.ts'

const live = new AbortController().signal

function setUp(inOrder: boolean) {
  const room = waitingRoom({ inOrder })
  const done: string[] = []
  const open = new Set<string>()
  const wait = (name: string, signal = live) =>
    room
      .wait(() => open.has(name), signal)
      .then(
        () => done.push(name),
        () => done.push(`${name} rejected`),
      )
  return { room, done, open, wait }
}

suite('a waiting room', () => {
  test('lets nobody wait whose condition holds', async () => {
    const { open, wait, done, room } = setUp(true)
    open.add('a')
    await wait('a')
    assert.deepEqual([done, room.size], [['a'], 0])
  })

  test('in order, lets those behind wait for the first', async () => {
    const { room, open, wait, done } = setUp(true)
    const both = [wait('a'), wait('b')]
    open.add('b')
    room.look()
    assert.equal(room.size, 2)
    open.add('a')
    room.look()
    await Promise.all(both)
    assert.deepEqual(done, ['a', 'b'])
  })

  test('in order, lets newcomers wait behind those who wait, though their condition holds', async () => {
    const { room, open, wait, done } = setUp(true)
    const first = wait('a')
    open.add('b')
    const second = wait('b')
    assert.equal(room.size, 2)
    open.add('a')
    room.look()
    await Promise.all([first, second])
    assert.deepEqual(done, ['a', 'b'])
  })

  test('without order, lets go whoever may', async () => {
    const { room, open, wait, done } = setUp(false)
    void wait('a')
    const second = wait('b')
    open.add('b')
    room.look()
    await second
    assert.deepEqual([done, room.size], [['b'], 1])
  })

  test('looks at those behind when the first one gives up', async () => {
    const { open, wait, done } = setUp(true)
    const stop = new AbortController()
    const both = [wait('a', stop.signal), wait('b')]
    open.add('b')
    stop.abort()
    await Promise.all(both)
    assert.deepEqual(done.toSorted(), ['a rejected', 'b'])
  })

  test('sends everyone away', async () => {
    const { room, wait, done } = setUp(true)
    const both = [wait('a'), wait('b')]
    room.refuse(new Error('closed'))
    await Promise.all(both)
    assert.deepEqual([done, room.size], [['a rejected', 'b rejected'], 0])
  })
})
