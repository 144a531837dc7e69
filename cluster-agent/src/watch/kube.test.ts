import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { readJson } from './answer.ts'
import { type KubeSettings, openKube } from './kube.ts'
import { keepAgent } from './kube-http.ts'

const live = new AbortController().signal

interface ConfigOptions {
  readonly user?: unknown
  readonly cluster?: Readonly<Record<string, unknown>>
}

const kubeconfig = (server: string, { user = { token: 'secret-token' }, cluster = {} }: ConfigOptions = {}) =>
  JSON.stringify({
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true, ...cluster } }],
    users: [{ name: 'me', user }],
    contexts: [{ name: 'main', context: { cluster: 'test', user: 'me' } }],
    'current-context': 'main',
  })

/** An HTTP server that remembers what it was asked, and a kubeconfig for it. */
async function serve(answer: RequestListener, options: ConfigOptions = {}) {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-kube-'))
  scope.defer(() => rm(dir, { recursive: true }))
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    answer(request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  scope.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const file = join(dir, 'config')
  await writeFile(file, kubeconfig(url, options))
  const owned = scope.move()
  return {
    url,
    file,
    dir,
    asked,
    server,
    open: (more: Partial<KubeSettings> = {}) => openKube({ log: silentLog, kubeconfig: file, ...more }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const text = async (body: AsyncIterable<Buffer>) => {
  let all = ''
  for await (const chunk of body) all += chunk
  return all
}

suite('kube', () => {
  test('asks the server of the kubeconfig with its token, over one connection', async () => {
    await using api = await serve((_request, response) => response.end('{"ok":true}'))
    await using kube = await api.open()
    assert.equal(kube.server, api.url)
    for (let i = 0; i < 3; i++) {
      const { status, body } = await kube.request('/api/v1?a=b', { signal: live })
      assert.equal(status, 200)
      assert.deepEqual(await readJson(body), { ok: true })
    }
    const [first] = api.asked
    assert.equal(first?.url, '/api/v1?a=b')
    assert.equal(first?.headers.authorization, 'Bearer secret-token')
    assert.match(first?.headers['user-agent'] ?? '', /^watch-hub-agent\//)
    assert.equal(new Set(api.asked.map(({ socket }) => socket.remotePort)).size, 1)
  })

  test('opens as many connections as there are watches', async () => {
    await using api = await serve((_request, response) => response.writeHead(200).write('x'))
    await using kube = await api.open()
    const stop = new AbortController()
    const open = await Promise.all(Array.from({ length: 30 }, () => kube.request('/', { signal: stop.signal })))
    assert.equal(new Set(api.asked.map(({ socket }) => socket.remotePort)).size, 30)
    stop.abort()
    await Promise.allSettled(open.map(({ body }) => text(body)))
  })

  test('sends method and body, and keeps a path of the server URL', async () => {
    await using api = await serve((request, response) => request.pipe(response), { cluster: {} })
    await writeFile(api.file, kubeconfig(`${api.url}/k8s/clusters/one/`))
    await using kube = await api.open()
    const { body } = await kube.request('/api/v1/x', {
      signal: live,
      method: 'PATCH',
      body: '{"a":1}',
      contentType: 'application/merge-patch+json',
    })
    assert.equal(await text(body), '{"a":1}')
    const [asked] = api.asked
    assert.deepEqual(
      [asked?.method, asked?.url, asked?.headers['content-type']],
      ['PATCH', '/k8s/clusters/one/api/v1/x', 'application/merge-patch+json'],
    )
  })

  test('trims a token that was read from a file', async () => {
    await using api = await serve((_request, response) => response.end())
    const token = join(api.dir, 'token')
    await writeFile(token, 'from-a-file\n')
    await writeFile(
      api.file,
      kubeconfig(api.url, { user: { 'auth-provider': { name: 'tokenFile', config: { tokenFile: token } } } }),
    )
    await using kube = await api.open()
    await text((await kube.request('/', { signal: live })).body)
    assert.equal(api.asked[0]?.headers.authorization, 'Bearer from-a-file')
  })

  test('speaks basic authentication', async () => {
    await using api = await serve((_request, response) => response.end(), { user: { username: 'me', password: 'pass' } })
    await using kube = await api.open()
    await text((await kube.request('/', { signal: live })).body)
    assert.equal(api.asked[0]?.headers.authorization, `Basic ${Buffer.from('me:pass').toString('base64')}`)
  })

  test('loads its credentials anew after a 401, once', async () => {
    await using api = await serve((request, response) => {
      response.statusCode = request.headers.authorization === 'Bearer new' ? 200 : 401
      response.end()
    })
    await using kube = await api.open()
    assert.equal((await kube.request('/', { signal: live })).status, 401)
    assert.equal(api.asked.length, 2)
    await writeFile(api.file, kubeconfig(api.url, { user: { token: 'new' } }))
    assert.equal((await kube.request('/', { signal: live })).status, 200)
  })

  test('does not wait for ever for an exec plugin', async () => {
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'sleep', args: ['0.3'] } }
    await using api = await serve((_request, response) => response.end(), { user })
    await using kube = await api.open({ pluginMs: 10 })
    await assert.rejects(kube.request('/', { signal: live }), /asking for credentials of the kubeconfig took longer than 10 ms/)
  })

  test('takes the token of an exec plugin', async () => {
    const credential = JSON.stringify({ kind: 'ExecCredential', status: { token: 'from-plugin' } })
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'echo', args: [credential] } }
    await using api = await serve((_request, response) => response.end(), { user })
    await using kube = await api.open()
    await text((await kube.request('/', { signal: live })).body)
    assert.equal(api.asked[0]?.headers.authorization, 'Bearer from-plugin')
  })

  test('rejects with the reason of its signal, before the answer and in the middle of it', async () => {
    await using api = await serve((_request, response) => void response.writeHead(200).write('part'))
    await using kube = await api.open()
    const reason = new Error('stopped')
    await assert.rejects(kube.request('/', { signal: AbortSignal.abort(reason) }), reason)
    const stop = new AbortController()
    const { body } = await kube.request('/', { signal: stop.signal })
    await assert.rejects(async () => {
      for await (const chunk of body) {
        assert.equal(chunk.toString(), 'part')
        stop.abort(reason)
      }
    }, reason)
  })

  test('ends well when it is stopped after a whole answer came, while that is being read', async () => {
    await using api = await serve((_request, response) => response.end('whole'))
    await using kube = await api.open()
    const stop = new AbortController()
    const reason = new Error('stopped')
    const { body } = await kube.request('/', { signal: stop.signal })
    await assert.rejects(async () => {
      for await (const chunk of body) {
        assert.equal(chunk.toString(), 'whole')
        stop.abort(reason)
        await new Promise(setImmediate)
      }
    }, reason)
  })

  test('tells a body that ended badly before anybody read it, when somebody does', async () => {
    await using api = await serve((_request, response) => void response.writeHead(200).write('part'))
    await using kube = await api.open()
    const reason = new Error('stopped')
    const stop = new AbortController()
    const aborted = await kube.request('/', { signal: stop.signal })
    stop.abort(reason)
    const cut = await kube.request('/', { signal: live })
    api.server.closeAllConnections()
    await new Promise(setImmediate)
    await assert.rejects(text(aborted.body), reason)
    await assert.rejects(text(cut.body))
  })

  test('fails when the connection is cut in the middle of an answer', async () => {
    await using api = await serve((request, response) => {
      response.write('part', () => request.socket.destroy())
    })
    await using kube = await api.open()
    await assert.rejects(async () => text((await kube.request('/', { signal: live })).body))
  })

  test('asks once more when the server closed the idle connection meanwhile', async () => {
    await using api = await serve((request, response) => {
      const second = api.asked.length === 2
      if (second) request.socket.resetAndDestroy()
      else response.end('ok')
    })
    await using kube = await api.open()
    await text((await kube.request('/', { signal: live })).body)
    assert.equal(await text((await kube.request('/', { signal: live })).body), 'ok')
    assert.equal(api.asked.length, 3)
  })

  test('says where there is no answer', async () => {
    await using api = await serve((_request, response) => response.end())
    await using kube = await api.open()
    api.server.close()
    api.server.closeAllConnections()
    await assert.rejects(kube.request('/', { signal: live }), new RegExp(`no answer from ${api.url}`))
  })

  test('tells the uid of kube-system, or what it lacks', async () => {
    await using api = await serve((request, response) => {
      if (request.headers.authorization !== 'Bearer secret-token') response.statusCode = 403
      response.end(JSON.stringify({ metadata: { uid: 'the-cluster' } }))
    })
    await using kube = await api.open()
    assert.equal(await kube.clusterUid(live), 'the-cluster')
    assert.equal(api.asked[0]?.url, '/api/v1/namespaces/kube-system')
    await writeFile(api.file, kubeconfig(api.url, { user: { token: 'other' } }))
    await using stranger = await api.open()
    await assert.rejects(stranger.clusterUid(live), /got HTTP 403: .*role must allow get/)
  })

  test('refuses a kubeconfig that it cannot use, and does not quote it', async () => {
    await using api = await serve((_request, response) => response.end())
    await assert.rejects(api.open({ kubeconfig: join(api.dir, 'missing') }), /cannot load .*missing: ENOENT/)
    await assert.rejects(
      api.open({ context: 'elsewhere' }),
      /expected a context with a cluster and a user in .*, got "elsewhere"/,
    )
    const broken: readonly (readonly [string, RegExp])[] = [
      ['users:\n- token: hunter2\n  bad: [', /cannot load/],
      [
        kubeconfig('http://127.0.0.1:1', { cluster: { 'insecure-skip-tls-verify': false } }),
        /plain http needs insecure-skip-tls-verify/,
      ],
      [kubeconfig('https://127.0.0.1:1', { cluster: { 'proxy-url': 'http://proxy' } }), /proxy-url is not supported/],
    ]
    for (const [content, problem] of broken) {
      await writeFile(api.file, content)
      await assert.rejects(
        api.open(),
        (error: Error) => problem.test(error.message) && !error.message.includes('hunter2') && error.cause === undefined,
      )
    }
  })
})

suite('the keeper of agents', () => {
  test('keeps one agent while the TLS options say the same, and replaces it when they change', () => {
    const agents = keepAgent(new URL('https://127.0.0.1'))
    const first = agents.of({ ca: Buffer.from('ca'), rejectUnauthorized: true })
    assert.equal(agents.of({ ca: Buffer.from('ca'), rejectUnauthorized: true }), first)
    const second = agents.of({ ca: Buffer.from('rotated'), rejectUnauthorized: true })
    assert.notEqual(second, first)
    assert.notEqual(agents.of({ ca: Buffer.from('rotated'), cert: Buffer.from('c'), key: Buffer.from('k') }), second)
    agents.close()
  })
})
