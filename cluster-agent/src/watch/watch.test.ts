import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { added, bookmark, deleted, error, modified, service, status } from '../testing/objects.ts'
import { scriptedKube } from '../testing/scripted-kube.ts'
import { type WatchEnd, type WatchEvent, watchEvents } from './watch.ts'

const kind = {
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  kind: 'Deployment',
  namespaced: true,
  verbs: ['list', 'watch'],
}

function start(options: { readonly stallMs?: number; readonly lastsMs?: number } = {}) {
  const api = scriptedKube()
  const times = [0, options.lastsMs ?? 5_000]
  const request = {
    kind,
    resourceVersion: '7',
    timeoutSeconds: 400,
    stallMs: options.stallMs ?? 60_000,
    now: () => times.shift() ?? 0,
  }
  const stop = new AbortController()
  return { api, stop, done: collect(watchEvents(api, request, stop.signal)) }
}

async function collect(events: AsyncGenerator<WatchEvent, WatchEnd>) {
  const seen: string[] = []
  for (;;) {
    const next = await events.next()
    if (next.done) return { seen, end: next.value }
    const event = next.value
    seen.push('object' in event ? `${event.type} ${event.object.metadata.name}` : event.type)
  }
}

suite('watchEvents', () => {
  test('asks for bookmarks, from a version, for a limited time', async () => {
    const { api, done } = start()
    const asked = await api.next()
    assert.equal(asked.path, '/apis/apps/v1/deployments?watch=true&allowWatchBookmarks=true&timeoutSeconds=400&resourceVersion=7')
    asked.open().end()
    await done
  })

  test('gives events as they come, several of one chunk too, and ends as closed', async () => {
    const { api, done } = start()
    const body = (await api.next()).open()
    body.send(added(service('a')), modified(service('b')))
    body.send(bookmark(9), deleted(service('c')))
    body.end()
    assert.deepEqual(await done, {
      seen: ['OPENED', 'ADDED a', 'MODIFIED b', 'BOOKMARK', 'DELETED c'],
      end: { kind: 'closed' },
    })
  })

  test('gives an event that holds a raw line separator of Unicode', async () => {
    const { api, done } = start()
    const body = (await api.next()).open()
    body.send(added(service('a', { labels: { note: 'one\u2028two' } })))
    body.end()
    assert.deepEqual((await done).seen, ['OPENED', 'ADDED a'])
  })

  test('tells an empty watch that ended at once from one that was quiet', async () => {
    const atOnce = start({ lastsMs: 10 })
    ;(await atOnce.api.next()).open().end()
    assert.deepEqual((await atOnce.done).end, { kind: 'empty' })

    const quiet = start({ lastsMs: 300_000 })
    ;(await quiet.api.next()).open().end()
    assert.deepEqual((await quiet.done).end, { kind: 'closed' })

    for (const [event, kind] of [
      [bookmark(9), 'empty'],
      [added(service('a')), 'closed'],
    ] as const) {
      const brief = start({ lastsMs: 10 })
      const body = (await brief.api.next()).open()
      body.send(event)
      body.end()
      assert.deepEqual((await brief.done).end, { kind })
    }
  })

  test('stalls when no line comes, also while bytes trickle in without a newline', async () => {
    const silent = start({ stallMs: 1 })
    ;(await silent.api.next()).open()
    assert.deepEqual((await silent.done).end, { kind: 'stalled' })

    const { api, done } = start({ stallMs: 20 })
    const body = (await api.next()).open()
    let given = false
    const leaves = body.closed.then(() => {
      given = true
    })
    while (!given) {
      body.write(' ')
      await setImmediate() // lets timers run
    }
    await leaves
    assert.deepEqual((await done).end, { kind: 'stalled' })
  })

  test('stalls when the server does not even answer', async () => {
    const { done } = start({ stallMs: 1 })
    assert.deepEqual((await done).end, { kind: 'stalled' })
  })

  test('tells how the server refused, as a status and as an event', async () => {
    const refused = start()
    ;(await refused.api.next()).answer(410, status(410, 'Expired'))
    assert.partialDeepStrictEqual((await refused.done).end, { kind: 'refused', refusal: { status: 410, reason: 'Expired' } })

    const { api, done } = start()
    const body = (await api.next()).open()
    body.send(added(service('a')), error(500, 'InternalError'), added(service('never seen')))
    const { seen, end } = await done
    assert.deepEqual(seen, ['OPENED', 'ADDED a'])
    assert.partialDeepStrictEqual(end, { kind: 'error-event', refusal: { status: 500, reason: 'InternalError' } })
    await body.closed
  })

  test('is broken when there is no answer or the connection is cut, in the middle of an event too', async () => {
    const nobody = start()
    ;(await nobody.api.next()).fail(new Error('connect ECONNREFUSED'))
    assert.equal((await nobody.done).end.kind, 'broken')

    const { api, done } = start()
    const body = (await api.next()).open()
    body.send(added(service('a')))
    body.write('{"type":"ADDED","object":{"metadata":{"name":"b')
    body.cut()
    const { seen, end } = await done
    assert.deepEqual(seen, ['OPENED', 'ADDED a'])
    assert.equal(end.kind, 'broken')
  })

  test('trusts nothing after a line that is no event, and does not quote it', async () => {
    const nonsense = [
      '{"type":"ADDED","obj',
      '',
      '{"type":"SURPRISE"}',
      '{"type":"ADDED","object":{"data":"hunter2"}}',
      '{"type":"BOOKMARK"}',
      '[]',
    ]
    for (const line of nonsense) {
      const { api, done } = start()
      const body = (await api.next()).open()
      body.write(`${line}\n`)
      body.send(added(service('never seen')))
      const { seen, end } = await done
      assert.deepEqual(seen, ['OPENED'], line)
      assert.equal(end.kind, 'nonsense', line)
      assert.doesNotMatch(String('why' in end && end.why), /hunter2/)
    }
  })

  test('throws nothing but the reason of its signal', async () => {
    const { api, stop, done } = start()
    const body = (await api.next()).open()
    const reason = new Error('stopped')
    stop.abort(reason)
    await assert.rejects(done, reason)
    await body.closed
  })
})
