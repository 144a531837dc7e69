import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { list, service, status } from '../testing/objects.ts'
import { scriptedKube } from '../testing/scripted-kube.ts'
import { type ListEnd, type ListPage, type ListSettings, listPages } from './list.ts'

const services = { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true, verbs: ['list', 'watch'] }
const live = new AbortController().signal

async function collect(pages: AsyncGenerator<ListPage, ListEnd>) {
  const seen: ListPage[] = []
  for (;;) {
    const next = await pages.next()
    if (next.done) return { pages: seen, end: next.value }
    seen.push(next.value)
  }
}

const start = (settings?: ListSettings) => {
  const api = scriptedKube()
  return { api, done: collect(listPages(api, services, live, settings)) }
}

const names = (page: ListPage | undefined) => page?.objects.map(({ metadata }) => metadata.name)

suite('listPages', () => {
  test('asks for a consistent read in pages, and ends with the version of the list', async () => {
    const { api, done } = start({ pageObjects: 2 })
    const first = await api.next()
    assert.equal(first.path, '/api/v1/services?limit=2')
    first.answer(200, list([service('a'), service('b')], { version: 7, more: 'to/ken=', remaining: 1 }))
    const second = await api.next()
    assert.equal(second.path, '/api/v1/services?limit=2&continue=to%2Fken%3D')
    second.answer(200, list([service('c')], { version: 7 }))
    const { pages, end } = await done
    assert.deepEqual(pages.map(names), [['a', 'b'], ['c']])
    assert.deepEqual(
      pages.map(({ first, remaining }) => [first, remaining]),
      [
        [true, 1],
        [false, 0],
      ],
    )
    assert.deepEqual(end, { kind: 'complete', resourceVersion: '7' })
  })

  test('gives listed objects the type that watched ones carry, in the same place', async () => {
    const { api, done } = start()
    ;(await api.next()).answer(200, list([service('a')]))
    const { pages } = await done
    assert.equal(JSON.stringify(pages[0]?.objects[0]), JSON.stringify(service('a')))
  })

  test('begins again when the server forgets the list between two pages', async () => {
    const { api, done } = start()
    ;(await api.next()).answer(200, list([service('a')], { version: 7, more: 'token' }))
    ;(await api.next()).answer(410, status(410, 'Expired'))
    const again = await api.next()
    assert.equal(again.query.get('continue'), null)
    again.answer(200, list([service('b')], { version: 9 }))
    const { pages, end } = await done
    assert.deepEqual(
      pages.map(({ first }) => first),
      [true, true],
    )
    assert.deepEqual(end, { kind: 'complete', resourceVersion: '9' })
  })

  test('gives up when that happens time and again', async () => {
    const { api, done } = start({ restarts: 1 })
    for (let i = 0; i < 2; i++) {
      ;(await api.next()).answer(200, list([service('a')], { more: 'token' }))
      ;(await api.next()).answer(410, status(410, 'Expired'))
    }
    assert.partialDeepStrictEqual((await done).end, { kind: 'refused', refusal: { status: 410, reason: 'Expired' } })
  })

  test('asks for fewer objects when they are large, and for more when they are small again', async () => {
    const { api, done } = start({ pageObjects: 100, pageBytes: 2_000 })
    const large = { ...service('large'), data: 'x'.repeat(4_000) }
    ;(await api.next()).answer(200, list([large, large], { more: '1' }))
    const small = await api.next()
    assert.equal(small.query.get('limit'), '1')
    small.answer(200, list([service('a')], { more: '2' }))
    const more = await api.next()
    assert.ok(Number(more.query.get('limit')) > 1, more.path)
    more.answer(200, list([]))
    assert.equal((await done).end.kind, 'complete')
  })

  test('does not read a page that is far too large: it asks for the same in smaller parts', async () => {
    const { api, done } = start({ pageObjects: 100, pageBytes: 1_000 })
    const huge = await api.next()
    huge.answer(200, list([{ ...service('a'), data: 'x'.repeat(9_000) }]))
    const again = await api.next()
    assert.equal(again.path, '/api/v1/services?limit=12')
    again.answer(200, list([service('a')]))
    const { pages, end } = await done
    assert.deepEqual(pages.map(names), [['a']])
    assert.equal(end.kind, 'complete')
  })

  test('is not complete when the server refuses a page, breaks off, or answers nonsense', async () => {
    const refused = start()
    ;(await refused.api.next()).answer(403, status(403, 'Forbidden'))
    assert.partialDeepStrictEqual((await refused.done).end, { kind: 'refused', refusal: { status: 403 } })

    const cut = start()
    const body = (await cut.api.next()).open()
    body.write('{"metadata":{"resourceVersion":"1"},"items":[')
    body.cut()
    assert.equal((await cut.done).end.kind, 'broken')

    for (const nonsense of [
      '{"metadata":{"resourceVersion":"1"},"items":[',
      { items: [] },
      list([{ metadata: { name: 'no-uid' } }]),
    ]) {
      const odd = start()
      ;(await odd.api.next()).answer(200, nonsense)
      assert.equal((await odd.done).end.kind, 'broken', JSON.stringify(nonsense))
    }
  })

  test('waits for a page no longer than told', async () => {
    const { api, done } = start({ pageMs: 1 })
    const asked = await api.next()
    assert.match(String((await done).end.kind === 'broken' && asked.signal.reason), /a page of services took longer/)
  })
})
