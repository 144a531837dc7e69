import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { checksumOf, emptyChecksum } from '@watch-hub/shared/protocol/checksum'
import { createIndex, type Row } from './index.ts'

const of = (name: string) => ({ namespace: 'default', name })
const row = (uid: string, matches: readonly string[] = ['web']): Row => ({ uid, resourceVersion: '1', hash: 'h', matches })
/** Its uid is its name. */
const entry = (name: string) => ({ ...of(name), ...row(name) })

suite('an index', () => {
  test('finds objects by namespace and name, cluster-scoped ones too', () => {
    const index = createIndex()
    index.set(of('a'), row('1'))
    index.set({ namespace: '', name: 'default' }, row('2'))
    assert.equal(index.get(of('a'))?.uid, '1')
    assert.equal(index.get({ namespace: '', name: 'default' })?.uid, '2')
    assert.equal(index.get({ namespace: 'other', name: 'a' }), undefined)
    index.delete(of('a'), 'another')
    assert.equal(index.get(of('a'))?.uid, '1', 'another object of the name')
    index.delete(of('a'), '1')
    index.delete(of('never there'), '1')
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
    index.delete(of('c'), 'c')
    assert.equal(index.unseenCount, 1)
    assert.deepEqual([...index.unseen()], [{ ...of('d'), row: index.get(of('d')) }])
    index.delete(of('a'), 'a')
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
    for (const { row, ...each } of index.unseen()) index.delete(each, row.uid)
    assert.equal(index.size, 0)
    assert.equal(index.unseenCount, 0)
  })

  test('has the checksum of what it holds, whatever led there', () => {
    const [a, b, c] = [entry('a'), { ...entry('b'), uid: 'other' }, entry('c')]
    const index = createIndex()
    assert.equal(index.checksum, emptyChecksum)
    index.load([a, b])
    index.load([a])
    assert.equal(index.checksum, checksumOf([a, b]))
    index.set(of('c'), row('c', ['web', 'x']))
    index.set(of('c'), row('c'))
    index.delete(of('a'), 'a')
    index.delete(of('a'), 'a')
    assert.equal(index.checksum, checksumOf([b, c]))
    index.delete(of('b'), 'other')
    index.delete(of('c'), 'c')
    assert.equal(index.checksum, emptyChecksum)
  })

  test('holds two objects of one name apart, until a list tells which is gone', () => {
    for (const living of ['old', 'new']) {
      const index = createIndex()
      const both = [
        { ...of('a'), ...row('old') },
        { ...of('a'), ...row('new') },
      ]
      index.load(both)
      assert.equal(index.size, 2)
      assert.equal(index.checksum, checksumOf(both))
      index.unseeAll()
      // As a stream does: what the index has under the name is gone unless it is the object that was listed.
      const held = index.get(of('a'))?.uid ?? ''
      if (held === living) index.see(of('a'))
      else index.delete(of('a'), held)
      index.set(of('a'), row(living))
      const gone = [...index.unseen()].map(({ row: { uid }, ...name }) => ({ uid, ...name }))
      assert.deepEqual(gone, held === living ? [{ uid: living === 'old' ? 'new' : 'old', ...of('a') }] : [])
      for (const { uid, ...name } of gone) index.delete(name, uid)
      assert.equal(index.get(of('a'))?.uid, living)
      assert.equal(index.checksum, checksumOf([row(living)]))
    }
  })

  test('keeps one array for equal sets of watches', () => {
    const index = createIndex()
    index.load([{ ...of('a'), ...row('1', ['web', 'x']) }])
    assert.equal(index.get(of('a'))?.matches, index.matchSet(['web', 'x']))
    assert.notEqual(index.matchSet(['web']), index.matchSet(['x']))
    assert.equal(index.matchSet([]), index.matchSet([]))
  })
})
