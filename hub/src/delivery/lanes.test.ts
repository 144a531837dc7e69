import assert from 'node:assert/strict'
import test from 'node:test'
import { createLanes, type Laned, standsAside } from './lanes.ts'
import { numbers } from './testing/numbers.ts'

interface Named extends Laned {
  readonly name: string
}
const batch = (name: string, keys: string, scan?: Laned['scan']): Named => ({
  name,
  keys: [...keys],
  ...(scan !== undefined && { scan }),
})

/** Lanes of these batches; `start` begins all that may start, and tells their names. */
function lanesOf(...batches: readonly Named[]) {
  const lanes = createLanes<Named>()
  lanes.add(batches)
  const find = (name: string) => {
    const lane = lanes.all.find((each) => each.batch.name === name)
    assert.ok(lane, name)
    return lane
  }
  return {
    lanes,
    find,
    start(slots: number, now = 0): string {
      const names: string[] = []
      for (let lane = lanes.next(now, slots); lane !== undefined; lane = lanes.next(now, slots)) {
        lanes.begin(lane)
        names.push(lane.batch.name)
      }
      return names.join('')
    },
    end: (name: string) => lanes.finish(find(name)),
    /** An attempt failed, and the next one is due at `due`. */
    fail(name: string, due: number) {
      const lane = find(name)
      lanes.fail(lane, due)
    },
  }
}

test('batches that share no object start together, as far as there are slots', () => {
  const { start, end } = lanesOf(batch('A', 'a'), batch('B', 'b'), batch('C', 'c'), batch('D', 'd'))
  assert.equal(start(3), 'ABC')
  assert.equal(start(3), '')
  end('B')
  assert.equal(start(3), 'D')
})

test('a batch waits for every earlier one that shares an object with it', () => {
  const { start, end } = lanesOf(batch('A', 'ax'), batch('B', 'bx'), batch('C', 'cb'), batch('D', 'd'))
  assert.equal(start(9), 'AD')
  end('A')
  assert.equal(start(9), 'B')
  assert.equal(start(9), '')
  end('B')
  assert.equal(start(9), 'C')
})

test('two batches with an object in common stay apart when one between them is finished or replaced', () => {
  const { start, end, lanes, find } = lanesOf(batch('A', 'x'), batch('B', 'x'), batch('C', 'x'))
  lanes.replace(find('B'), [batch('P', 'y'), batch('Q', 'z')])
  assert.equal(start(9), 'APQ')
  end('P')
  end('Q')
  assert.equal(start(9), '')
  end('A')
  assert.equal(start(9), 'C')
})

test('with one slot batches go in order', () => {
  const { start, end, fail } = lanesOf(batch('A', 'a'), batch('B', 'b'))
  assert.equal(start(1), 'A')
  fail('A', 100)
  assert.equal(start(1, 99), '')
  assert.equal(start(1, 100), 'A')
  end('A')
  assert.equal(start(1), 'B')
})

test('a batch that failed often stands aside: what shares no object with it goes on, and its turn comes back', () => {
  const { start, end, fail, lanes } = lanesOf(batch('A', 'a'), batch('B', 'a'), batch('C', 'c'), batch('D', 'd'))
  for (let n = 0; n < standsAside; n++) {
    assert.equal(start(1, n), 'A')
    fail('A', n === standsAside - 1 ? 100 : n + 1)
  }
  assert.equal(start(1, 50), 'C')
  end('C')
  assert.equal(lanes.nextAt(50), 100)
  assert.equal(start(1, 100), 'A')
})

test('a batch that closes a scan starts when everything before it is finished, and later scans wait for it', () => {
  const { start, end } = lanesOf(
    batch('A', 'a', 'part'),
    batch('B', 'b'),
    batch('M', '', 'closes'),
    batch('C', 'c'),
    batch('S', 's', 'part'),
  )
  assert.equal(start(9), 'ABC')
  end('A')
  assert.equal(start(9), '')
  end('B')
  assert.equal(start(9), 'M')
  end('M')
  assert.equal(start(9), 'S')
})

test('probes rotate over the batches that may start', () => {
  const { lanes, fail } = lanesOf(batch('A', 'a'), batch('B', 'b'), batch('C', 'c'))
  const names = Array.from({ length: 5 }, () => {
    const lane = lanes.probe(0, 9)
    assert.ok(lane)
    lanes.begin(lane)
    fail(lane.batch.name, 0)
    return lane.batch.name
  })
  assert.equal(names.join(''), 'ABCAB')
})

test('those that wait for another one are not ready, and leave it alone', () => {
  const { lanes, find, start, end } = lanesOf(batch('A', 'ax'), batch('B', 'a'), batch('C', 'a'), batch('M', '', 'closes'))
  assert.equal(lanes.ready, 1)
  assert.ok(lanes.alone(find('A')))
  lanes.add([batch('D', 'd')])
  assert.equal(lanes.ready, 2)
  assert.ok(!lanes.alone(find('A')))
  assert.equal(start(9), 'AD')
  assert.equal(lanes.ready, 0)
  end('A')
  end('D')
  assert.ok(lanes.alone(find('B')))
})

test('whatever happens, no object is ever in two attempts or passed by a later event', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const next = numbers(seed)
    const slots = 1 + next(6)
    const { lanes } = lanesOf()
    const done: number[] = []
    const told = new Map<string, number>()
    let made = 0
    for (let step = 0; step < 300; step++) {
      const now = step
      const chance = next(6)
      if (chance < 2) lanes.add([batch(String(made++), String.fromCharCode(97 + next(6), 97 + next(6)))])
      else if (chance < 4) {
        const lane = next(2) === 0 ? lanes.next(now, slots) : lanes.probe(now, slots)
        if (lane !== undefined) lanes.begin(lane)
      } else {
        const busy = lanes.all.filter((each) => each.busy)
        const lane = busy[next(busy.length)]
        if (lane === undefined) continue
        if (next(3) > 0) {
          const number = Number(lane.batch.name)
          for (const key of new Set(lane.batch.keys)) {
            assert.ok((told.get(key) ?? -1) < number, `seed ${seed}: ${key}`)
            told.set(key, number)
          }
          done.push(number)
          lanes.finish(lane)
        } else lanes.fail(lane, now + next(5))
      }
      const keys = lanes.all.filter((each) => each.busy).map((each) => [...new Set(each.batch.keys)])
      assert.equal(new Set(keys.flat()).size, keys.flat().length, `seed ${seed}`)
      assert.ok(keys.length <= slots)
    }
    assert.ok(done.length > 10)
  }
})

test('lanes are suspected when each that may start has failed often enough in a way that may be about it; one that waits does not count', () => {
  const lanes = createLanes()
  assert.equal(lanes.suspected(3), false)
  const [one, behind, other] = lanes.add([{ keys: ['a'] }, { keys: ['a', 'b'] }, { keys: ['c'] }])
  assert.ok(one !== undefined && behind !== undefined && other !== undefined)
  one.unclear = 3
  assert.equal(lanes.suspected(3), false, 'the other one was never tried')
  other.unclear = 4
  assert.equal(lanes.suspected(3), true)
  assert.equal(lanes.suspected(4), false)
  lanes.finish(one)
  assert.equal(lanes.suspected(3), false, 'what waited may start now')
})
