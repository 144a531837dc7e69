import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { createIndex, type Row } from './index.ts'

const of = (name: string) => ({ namespace: 'default', name })
const row = (uid: string, matches: readonly string[] = ['web']): Row => ({ uid, resourceVersion: '1', hash: 'h', matches })
const entry = (name: string) => ({ ...of(name), ...row(name) })

suite('an index', () => {
  test('finds objects by namespace and name, cluster-scoped ones too', () => {
    const index = createIndex()
    index.set(of('a'), row('1'))
    index.set({ namespace: '', name: 'default' }, row('2'))
    assert.equal(index.get(of('a'))?.uid, '1')
    assert.equal(index.get({ namespace: '', name: 'default' })?.uid, '2')
    assert.equal(index.get({ namespace: 'other', name: 'a' }), undefined)
    index.delete(of('a'))
    index.delete(of('never there'))
    assert.equal(index.get(of('a')), undefined)
    assert.equal(index.size, 1)
  })

  test('tells what a list did not show: neither seen nor set since it began', () => {
    const index = createIndex()
    index.load(['a', 'b', 'c', 'd'].map(entry))
    index.unseeAll()
    assert.equal(index.unseenCount, 4)
    index.see(of('a'))
    index.see(of('a'))
    index.see(of('never there'))
    index.set(of('b'), row('other uid'))
    index.set(of('new'), row('new'))
    index.delete(of('c'))
    assert.equal(index.unseenCount, 1)
    assert.deepEqual([...index.unseen()], [{ ...of('d'), row: index.get(of('d')) }])
    index.delete(of('a'))
    assert.equal(index.unseenCount, 1)
    index.unseeAll()
    assert.equal(index.unseenCount, 3)
  })

  test('gives back exactly what was put in, odd characters too', () => {
    const index = createIndex()
    const odd: Row = { uid: 'u 1 /ж', resourceVersion: '12 34\n', hash: 'h a', matches: index.matchSet(['web', 'x']) }
    index.set(of('system:жук'), odd)
    assert.deepEqual(index.get(of('system:жук')), odd)
    index.set(of('empty'), { uid: '', resourceVersion: '', hash: '', matches: index.matchSet([]) })
    assert.deepEqual(index.get(of('empty')), { uid: '', resourceVersion: '', hash: '', matches: [] })
  })

  test('lets unseen objects be deleted one by one', () => {
    const index = createIndex()
    index.load(['a', 'b', 'c'].map(entry))
    index.unseeAll()
    for (const { row: _row, ...each } of index.unseen()) index.delete(each)
    assert.equal(index.size, 0)
    assert.equal(index.unseenCount, 0)
  })

  test('keeps one array for equal sets of watches', () => {
    const index = createIndex()
    index.load([{ ...of('a'), ...row('1', ['web', 'x']) }])
    assert.equal(index.get(of('a'))?.matches, index.matchSet(['web', 'x']))
    assert.notEqual(index.matchSet(['web']), index.matchSet(['x']))
    assert.equal(index.matchSet([]), index.matchSet([]))
  })
})
