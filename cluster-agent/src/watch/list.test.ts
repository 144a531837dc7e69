import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { describeError } from '@watch-hub/shared/runtime/log'
import { list, service, status } from '../testing/objects.ts'
import { scriptedKube } from '../testing/scripted-kube.ts'
import { type ListEnd, type ListPart, type ListSettings, listParts } from './list.ts'

const services = { group: '', version: 'v1', resource: 'services', kind: 'Service', namespaced: true, verbs: ['list', 'watch'] }
const live = new AbortController().signal

async function collect(parts: AsyncGenerator<ListPart, ListEnd>) {
  const seen: ListPart[] = []
  for (;;) {
    const next = await parts.next()
    if (next.done) return { parts: seen, end: next.value }
    seen.push(next.value)
  }
}

const start = (settings?: ListSettings) => {
  const api = scriptedKube()
  return { api, done: collect(listParts(api, services, live, settings)) }
}

const why = async (done: ReturnType<typeof collect>): Promise<unknown> => {
  const { end } = await done
  return end.kind === 'broken' ? end.why : undefined
}
const names = (parts: readonly ListPart[]) => parts.map(({ objects }) => objects.map(({ metadata }) => metadata.name).join(' '))

suite('listParts', () => {
  test('asks for a consistent read in pages, and ends with the version of the list', async () => {
    const { api, done } = start({ pageObjects: 2 })
    const first = await api.next()
    assert.equal(first.path, '/api/v1/services?limit=2')
    first.answer(200, list([service('a'), service('b')], { version: 7, more: 'to/ken=', remaining: 1 }))
    const second = await api.next()
    assert.equal(second.path, '/api/v1/services?limit=2&continue=to%2Fken%3D')
    second.answer(200, list([service('c')], { version: 7 }))
    const { parts, end } = await done
    assert.deepEqual(names(parts), ['a b', '', 'c', ''])
    assert.deepEqual(
      parts.map(({ first, remaining }) => [first, remaining]),
      [
        [true, undefined],
        [false, 1],
        [false, undefined],
        [false, 0],
      ],
    )
    assert.deepEqual(end, { kind: 'complete', resourceVersion: '7' })
  })

  test('gives objects before their page is whole', async () => {
    const api = scriptedKube()
    const parts = listParts(api, services, live)
    const part = parts.next()
    const body = (await api.next()).open()
    body.write(JSON.stringify(list([service('a')])).slice(0, -2))
    assert.partialDeepStrictEqual(await part, { value: { first: true, objects: [{ metadata: { name: 'a' } }] } })
    await parts.return({ kind: 'broken', why: 'seen enough' })
    await body.closed
  })

  test('begins also when there is nothing, and with an items of null', async () => {
    for (const empty of [list([]), { ...list([]), items: null }]) {
      const { api, done } = start()
      ;(await api.next()).answer(200, empty)
      assert.deepEqual(await done, {
        parts: [{ objects: [], first: true, remaining: 0 }],
        end: { kind: 'complete', resourceVersion: '100' },
      })
    }
  })

  test('gives listed objects the type that watched ones carry, in the same place', async () => {
    const { api, done } = start()
    ;(await api.next()).answer(200, list([service('a')]))
    const { parts } = await done
    assert.equal(JSON.stringify(parts[0]?.objects[0]), JSON.stringify(service('a')))
  })

  test('begins again when the server forgets the list between two pages', async () => {
    const { api, done } = start()
    ;(await api.next()).answer(200, list([service('a')], { version: 7, more: 'token' }))
    ;(await api.next()).answer(410, status(410, 'Expired'))
    const again = await api.next()
    assert.equal(again.query.get('continue'), null)
    again.answer(200, list([service('b')], { version: 9 }))
    const { parts, end } = await done
    assert.deepEqual(
      parts.filter(({ first }) => first).map(({ objects }) => objects[0]?.metadata.name),
      ['a', 'b'],
    )
    assert.deepEqual(end, { kind: 'complete', resourceVersion: '9' })
  })

  test('gives up when that happens time and again', async () => {
    const { api, done } = start({ listRestarts: 1 })
    for (let i = 0; i < 2; i++) {
      ;(await api.next()).answer(200, list([service('a')], { more: 'token' }))
      ;(await api.next()).answer(410, status(410, 'Expired'))
    }
    assert.partialDeepStrictEqual((await done).end, { kind: 'refused', refusal: { status: 410, reason: 'Expired' } })
  })

  test('is not complete when the server refuses a page, breaks off, or answers nonsense', async () => {
    const refused = start()
    ;(await refused.api.next()).answer(403, status(403, 'Forbidden'))
    assert.partialDeepStrictEqual((await refused.done).end, { kind: 'refused', refusal: { status: 403 } })

    const cut = start()
    const body = (await cut.api.next()).open()
    body.write(JSON.stringify(list([service('a')])).slice(0, -2))
    body.cut()
    const { parts, end } = await cut.done
    assert.deepEqual([names(parts), end.kind], [['a'], 'broken'])

    const nonsense = [
      '',
      '{}',
      '{"metadata":{"resourceVersion":"1"},"items":[',
      { items: [] },
      list([{ metadata: { name: 'no-uid' } }]),
      '<html>',
    ]
    for (const answer of nonsense) {
      const odd = start()
      ;(await odd.api.next()).answer(200, answer)
      assert.equal((await odd.done).end.kind, 'broken', JSON.stringify(answer))
    }
  })

  test('does not wait for ever for what does not come', async () => {
    const { api, done } = start({ listStallMs: 1 })
    const body = (await api.next()).open()
    assert.match(describeError(await why(done)), /waiting for a list of services took longer/)
    await body.closed
  })
})
