import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer, get as getSecurely } from 'node:https'
import { text } from 'node:stream/consumers'
import { suite, test } from 'node:test'
import { selfSignedCertificate } from './certificate.ts'
import { changes } from './changes.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** A server whose answers stay open: the head, `hello`, and what the test sends later. */
async function start() {
  await using scope = new AsyncDisposableStack()
  const answers: { write(text: string): unknown; end(): unknown }[] = []
  const news = changes()
  const server = createServer((_request, response) => {
    answers.push(response)
    response.write('hello')
    news.notify()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  scope.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const proxy = scope.use(await startTcpProxy(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`))
  const owned = scope.move()
  return { proxy, answers, news, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** An answer that is being read: what came so far, and how it ended. */
async function open(proxy: TcpProxy) {
  const asked = get(proxy.url, { agent: false })
  const [response]: IncomingMessage[] = await once(asked, 'response')
  asked.on('error', () => {}) // the answer says how it ended
  const news = changes()
  let got = ''
  let over: 'whole' | 'broken' | undefined
  response?.setEncoding('utf8').on('data', (part: string) => {
    got += part
    news.notify()
  })
  response
    ?.on('error', () => {})
    .on('close', () => {
      over = response.complete ? 'whole' : 'broken'
      news.notify()
    })
  return {
    get got() {
      return got
    },
    get over() {
      return over
    },
    until: (wanted: string) =>
      news.until(
        () => got === wanted,
        () => `${wanted}, got ${got}`,
      ),
    ended: () =>
      news.until(
        () => over !== undefined,
        () => 'the end',
      ),
    leave: () => asked.destroy(),
  }
}

suite('a TCP proxy', () => {
  test('carries bytes both ways, and the ends of connections', async () => {
    await using world = await start()
    const answer = await open(world.proxy)
    world.answers[0]?.write(' world')
    await answer.until('hello world')
    world.answers[0]?.end()
    await answer.ended()
    assert.equal(answer.over, 'whole')
    assert.equal(world.proxy.taken, 1)
  })

  test('cuts what is open, and carries what comes after', async () => {
    await using world = await start()
    const cut = await open(world.proxy)
    await cut.until('hello')
    world.proxy.cut()
    await cut.ended()
    assert.equal(cut.over, 'broken')
    const next = await open(world.proxy)
    await next.until('hello')
    next.leave()
  })

  test('cuts after so many bytes of the server, once', async () => {
    await using world = await start()
    const cut = await open(world.proxy)
    await cut.until('hello')
    world.proxy.cutAfter(8)
    world.answers[0]?.write('0123456789')
    await cut.ended()
    assert.equal(cut.over, 'broken')
    assert.match(cut.got, /^hello0?1?2?3?4?$/, 'a part of the chunk at most: its frame takes bytes too')
    const next = await open(world.proxy)
    world.answers[1]?.write('!'.repeat(20))
    await next.until(`hello${'!'.repeat(20)}`)
    next.leave()
  })

  test('refuses until it is restored, at the same address', async () => {
    await using world = await start()
    const cut = await open(world.proxy)
    await world.proxy.refuse()
    await cut.ended()
    await assert.rejects(open(world.proxy), { code: 'ECONNREFUSED' })
    await world.proxy.restore()
    const next = await open(world.proxy)
    await next.until('hello')
    next.leave()
  })

  test('stalls what is open and what is opened, and carries on with all of it', async () => {
    await using world = await start()
    const held = await open(world.proxy)
    await held.until('hello')
    world.proxy.stall()
    world.answers[0]?.write(' again')
    const second = open(world.proxy)
    await new Promise(setImmediate)
    assert.deepEqual([held.got, held.over, world.answers.length], ['hello', undefined, 1])
    await world.proxy.restore()
    await held.until('hello again')
    held.leave()
    ;(await second).leave()
  })

  test('orphans what is open: the server sees it end, the client hears nothing more', async () => {
    await using world = await start()
    const orphan = await open(world.proxy)
    await orphan.until('hello')
    world.proxy.orphan()
    world.answers[0]?.write(' nobody')
    const next = await open(world.proxy)
    await next.until('hello')
    assert.deepEqual([orphan.got, orphan.over], ['hello', undefined])
    orphan.leave()
    next.leave()
  })

  test('leaves TLS untouched', async () => {
    const certificate = selfSignedCertificate()
    const server = createHttpsServer({ ...certificate }, (_request, response) => response.end('secret'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address = server.address()
    await using proxy = await startTcpProxy(`https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
    const [response]: IncomingMessage[] = await once(getSecurely(proxy.url, { agent: false, ca: certificate.cert }), 'response')
    assert.equal(response === undefined ? '' : await text(response), 'secret')
    server.close()
    server.closeAllConnections()
  })
})
