import assert from 'node:assert/strict'
import { once } from 'node:events'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { type GitSourceSettings, gitSource } from './git-source.ts'
import type { ConfigSource, Reading } from './source.ts'
import { createRepo, serveGit, temporaryFolder } from './testing/git-repo.ts'

const never = new AbortController().signal

/** A repo, and sources that look at it. */
async function world() {
  await using stack = new AsyncDisposableStack()
  const root = stack.use(await temporaryFolder())
  const repo = await createRepo(join(root.path, 'repo'))
  const owned = stack.move()
  return {
    root: root.path,
    repo,
    source: (settings: Partial<GitSourceSettings> = {}) =>
      gitSource({ url: repo.folder, mirror: join(root.path, 'data', 'mirror.git'), env: process.env, ...settings }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const read = (source: ConfigSource) => source.read(never)
const brief = (reading: Reading) =>
  reading.kind === 'read'
    ? {
        commit: reading.commit,
        files: Object.fromEntries(reading.files.map(({ path, text }) => [path, text])),
        problems: reading.problems.map(({ file, message }) => `${file}: ${message}`),
      }
    : reading
const failure = (reading: Reading) =>
  reading.kind === 'failed' ? reading.reason : assert.fail(`expected a failure, got ${JSON.stringify(reading)}`)

test('a repo is read by its default branch; a new commit is read, an old one is unchanged', async () => {
  await using w = await world()
  const source = w.source()
  const one = await w.repo.commit({ 'a.yaml': 'a', 'x/b.yml': 'b', 'README.md': 'no' })
  assert.deepEqual(brief(await read(source)), { commit: one, files: { 'a.yaml': 'a', 'x/b.yml': 'b' }, problems: [] })
  assert.deepEqual(source.about, { source: w.repo.folder, branch: 'main' })
  assert.deepEqual(await read(source), { kind: 'unchanged' })
  const two = await w.repo.commit({ 'a.yaml': 'ä\n', 'x/b.yml': null })
  assert.deepEqual(brief(await read(source)), { commit: two, files: { 'a.yaml': 'ä\n' }, problems: [] })
})

test('ids of files are those of Git: equal text, equal id', async () => {
  await using w = await world()
  await w.repo.commit({ 'a.yaml': 'same', 'b.yaml': 'same', 'c.yaml': 'other' })
  const reading = await read(w.source())
  assert.ok(reading.kind === 'read')
  const [a, b, c] = reading.files.map(({ id }) => id)
  assert.equal(a, b)
  assert.notEqual(a, c)
  assert.equal(a, await w.repo.git('rev-parse', 'HEAD:a.yaml'))
})

test('branch and path choose what is read; paths are counted from there', async () => {
  await using w = await world()
  await w.repo.commit({ 'envs/prod/watches/a.yaml': 'main' })
  await w.repo.git('checkout', '--quiet', '-b', 'release/1')
  const commit = await w.repo.commit({ 'envs/prod/watches/a.yaml': 'release', 'envs/b.yaml': 'no' })
  await w.repo.git('checkout', '--quiet', 'main')
  const source = w.source({ branch: 'release/1', path: '/envs/prod/' })
  assert.deepEqual(brief(await read(source)), { commit, files: { 'watches/a.yaml': 'release' }, problems: [] })
  assert.deepEqual(source.about, { source: w.repo.folder, branch: 'release/1', path: 'envs/prod' })
})

test('URLs of files are read too, also of a repo that is bare', async () => {
  await using w = await world()
  const commit = await w.repo.commit({ 'a.yaml': 'a' })
  const bare = join(w.root, 'bare.git')
  await w.repo.git('clone', '--quiet', '--bare', w.repo.folder, bare)
  assert.deepEqual(brief(await read(w.source({ url: `file://${bare}` }))), { commit, files: { 'a.yaml': 'a' }, problems: [] })
})

test('.watchhubignore of the config path counts', async () => {
  await using w = await world()
  await w.repo.commit({ 'p/.watchhubignore': 'charts\n', 'p/charts/a.yaml': 'no', 'p/b.yaml': 'b' })
  assert.deepEqual(brief(await read(w.source({ path: 'p' }))), {
    commit: await w.repo.git('rev-parse', 'HEAD'),
    files: { 'b.yaml': 'b' },
    problems: [],
  })
})

test('a force-push is a commit like any other', async () => {
  await using w = await world()
  const source = w.source()
  await w.repo.commit({ 'a.yaml': 'one' })
  await w.repo.commit({ 'a.yaml': 'two' })
  await read(source)
  await w.repo.git('checkout', '--quiet', '--orphan', 'rewritten')
  const rewritten = await w.repo.commit({ 'a.yaml': 'three' })
  await w.repo.git('branch', '--force', 'main', 'rewritten')
  await w.repo.git('checkout', '--quiet', 'main')
  assert.deepEqual(brief(await read(source)), { commit: rewritten, files: { 'a.yaml': 'three' }, problems: [] })
})

test('a deleted branch is a reason that names the last commit; when it is back it is read', async () => {
  await using w = await world()
  await w.repo.commit({ 'a.yaml': 'a' })
  await w.repo.git('branch', 'live')
  const source = w.source({ branch: 'live' })
  await read(source)
  await w.repo.git('branch', '--delete', '--force', 'live')
  const head = await w.repo.git('rev-parse', 'HEAD')
  assert.equal(
    failure(await read(source)),
    `expected the branch 'live' at ${w.repo.folder}, got none (its last commit seen was ${head})`,
  )
  const next = await w.repo.commit({ 'a.yaml': 'b' })
  await w.repo.git('branch', 'live')
  assert.deepEqual(brief(await read(source)), { commit: next, files: { 'a.yaml': 'b' }, problems: [] })
})

test('a branch that never was and a repo without commits are reasons', async () => {
  await using w = await world()
  assert.match(
    failure(await read(w.source())),
    /^expected a default branch at .*, got none: the repo is empty, or its HEAD points nowhere$/,
  )
  await w.repo.commit({})
  assert.match(failure(await read(w.source({ branch: 'nope' }))), /^expected the branch 'nope' at .*, got none$/)
})

test('an emptied path is read as a commit without files, with the reason', async () => {
  await using w = await world()
  const source = w.source({ path: 'envs' })
  await w.repo.commit({ 'envs/a.yaml': 'a' })
  await read(source)
  const commit = await w.repo.commit({ 'envs/a.yaml': null, envs: null, 'b.yaml': 'b' })
  assert.deepEqual(brief(await read(source)), {
    commit,
    files: {},
    problems: [".: expected the folder 'envs' in the repo, got none"],
  })
  const file = await w.repo.commit({ envs: 'a file' })
  assert.deepEqual(brief(await read(source)), {
    commit: file,
    files: {},
    problems: [".: expected the folder 'envs' in the repo, got none"],
  })
})

test('links inside the path are followed, those that leave it are refused, also when they stay in the repo', async () => {
  await using w = await world()
  const commit = await w.repo.commit({
    'p/.shared/x.txt': 'x',
    'p/in.yaml': { link: '.shared/x.txt' },
    'p/out.yaml': { link: '../secret.yaml' },
    'p/abs.yaml': { link: '/etc/hostname' },
    'secret.yaml': 's',
  })
  const leaves = 'expected a link that stays below the config path, got one that leaves it'
  assert.deepEqual(brief(await read(w.source({ path: 'p' }))), {
    commit,
    files: { 'in.yaml': 'x' },
    problems: [`abs.yaml: ${leaves}`, `out.yaml: ${leaves}`],
  })
})

test('submodules are passed over', async () => {
  await using w = await world()
  await w.repo.commit({ 'a.yaml': 'a' })
  const head = await w.repo.git('rev-parse', 'HEAD')
  await w.repo.git('update-index', '--add', '--cacheinfo', `160000,${head},sub.yaml`)
  await w.repo.git('commit', '--quiet', '--message=sub')
  assert.deepEqual(brief(await read(w.source())), {
    commit: await w.repo.git('rev-parse', 'HEAD'),
    files: { 'a.yaml': 'a' },
    problems: [],
  })
})

test('a remote that is gone is a reason, and is read when it is back', async () => {
  await using w = await world()
  const source = w.source()
  await w.repo.commit({ 'a.yaml': 'a' })
  await read(source)
  await rename(w.repo.folder, `${w.repo.folder}-away`)
  assert.match(failure(await read(source)), /^cannot read .*: '.*' does not appear to be a git repository$/)
  await rename(`${w.repo.folder}-away`, w.repo.folder)
  assert.deepEqual(await read(source), { kind: 'unchanged' })
  const next = await w.repo.commit({ 'a.yaml': 'b' })
  assert.deepEqual(brief(await read(source)), { commit: next, files: { 'a.yaml': 'b' }, problems: [] })
})

test('a broken mirror is made anew', async () => {
  await using w = await world()
  const mirror = join(w.root, 'data', 'mirror.git')
  await w.repo.commit({ 'a.yaml': 'a' })
  await read(w.source())
  await rm(join(mirror, 'objects'), { recursive: true })
  await mkdir(join(mirror, 'objects'))
  await writeFile(join(mirror, 'shallow.lock'), '')
  const commit = await w.repo.commit({ 'a.yaml': 'b' })
  const source = w.source()
  const first = await read(source)
  assert.equal(first.kind, 'failed')
  await assert.rejects(access(mirror))
  assert.deepEqual(brief(await read(source)), { commit, files: { 'a.yaml': 'b' }, problems: [] })
})

test('over http one look is one request for the tips, and a fetch only when they moved', async () => {
  await using w = await world()
  await using server = await serveGit(w.root)
  await w.repo.commit({ 'a.yaml': 'a' })
  const source = w.source({ url: `${server.url}/repo/.git` })
  const counted = async () => {
    const before = server.requests.length
    const { kind } = await read(source)
    const lines = server.requests.slice(before).map(({ line }) => line.replace('/repo/.git', ''))
    return [kind, lines.filter((line) => line.startsWith('GET')).length, lines.filter((line) => line.startsWith('POST')).length]
  }
  await counted()
  assert.deepEqual(await counted(), ['unchanged', 1, 1], 'protocol 2: what can you do, and which tips are there')
  await w.repo.commit({ 'a.yaml': 'b' })
  const [kind, gets] = await counted()
  assert.deepEqual([kind, gets], ['read', 2])
})

test('a token goes along as basic auth, is read anew each time, and is in no message', async () => {
  await using w = await world()
  await using server = await serveGit(w.root)
  await w.repo.commit({ 'a.yaml': 'a' })
  const tokenFile = join(w.root, 'token')
  await writeFile(tokenFile, 's3cret\n')
  const source = w.source({ url: `${server.url}/repo/.git`, tokenFile })
  assert.equal((await read(source)).kind, 'read')
  const basic = (user: string) => `Basic ${Buffer.from(user).toString('base64')}`
  assert.deepEqual(new Set(server.requests.map(({ authorization }) => authorization)), new Set([basic('x-access-token:s3cret')]))
  await writeFile(tokenFile, 'me:0ther')
  await read(source)
  assert.equal(server.requests.at(-1)?.authorization, basic('me:0ther'))
  server.instead = (_request, response) => response.writeHead(401, { 'www-authenticate': 'Basic' }).end('no')
  const reason = failure(await read(source))
  assert.match(reason, /^cannot read http:\/\/127\.0\.0\.1:\d+\/repo\/\.git: .*\(look at --git-token-file\)$/)
  assert.ok(!reason.includes('0ther'))
  assert.ok(!(await readFile(join(w.root, 'data', 'mirror.git', 'config'), 'utf8')).includes('0ther'))
})

test('a token is in no argument that other processes can see', async () => {
  await using w = await world()
  await using server = await serveGit(w.root)
  await w.repo.commit({ 'a.yaml': 'a' })
  const bin = join(w.root, 'bin')
  await mkdir(bin)
  const spy = `#!/bin/sh\nprintf '%s\\n' "$@" >> '${w.root}/git.log'\nPATH='${process.env.PATH}' exec git "$@"\n`
  await writeFile(join(bin, 'git'), spy, { mode: 0o755 })
  const url = `${server.url.replace('//', '//me:s3cret@')}/repo/.git`
  assert.equal((await read(w.source({ url, env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } }))).kind, 'read')
  const log = await readFile(join(w.root, 'git.log'), 'utf8')
  assert.match(log, /ls-remote/)
  for (const secret of ['s3cret', Buffer.from('me:s3cret').toString('base64')]) assert.ok(!log.includes(secret))
})

test('credentials of a URL are used like a token, and not shown', async () => {
  await using w = await world()
  await using server = await serveGit(w.root)
  await w.repo.commit({ 'a.yaml': 'a' })
  const url = `${server.url.replace('//', '//me:p%40ss@')}/repo/.git`
  const source = w.source({ url })
  assert.equal((await read(source)).kind, 'read')
  assert.equal(source.about.source, `${server.url}/repo/.git`)
  assert.equal(server.requests[0]?.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
})

test('over ssh git runs with the key and the hosts that are given', async () => {
  await using w = await world()
  const commit = await w.repo.commit({ 'a.yaml': 'a' })
  const bin = join(w.root, 'bin')
  await mkdir(bin)
  const ssh = `#!/bin/sh\nprintf '%s\\n' "$@" >> '${w.root}/ssh.log'\nfor last; do :; done\nexec sh -c "$last"\n`
  await writeFile(join(bin, 'ssh'), ssh, { mode: 0o755 })
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
  const source = w.source({ url: `git@host:${w.repo.folder}`, env, sshKeyFile: '/keys/id', knownHostsFile: '/keys/hosts' })
  assert.deepEqual(brief(await read(source)), { commit, files: { 'a.yaml': 'a' }, problems: [] })
  const args = (await readFile(join(w.root, 'ssh.log'), 'utf8')).split('\n')
  for (const arg of ['/keys/id', 'BatchMode=yes', 'StrictHostKeyChecking=yes', 'UserKnownHostsFile="/keys/hosts"', 'git@host'])
    assert.ok(args.includes(arg), arg)
})

test('a link that is too long to be one leads out', async () => {
  await using w = await world()
  await w.repo.commit({ 'a.yaml': 'x'.repeat(5_000) })
  const blob = await w.repo.git('rev-parse', 'HEAD:a.yaml')
  await w.repo.git('update-index', '--add', '--cacheinfo', `120000,${blob},b.yaml`)
  await w.repo.git('commit', '--quiet', '--message=link')
  const reading = await read(w.source())
  assert.match(reading.kind === 'read' ? (reading.problems[0]?.message ?? '') : '', /leaves it/)
})

test('a token does not follow a redirect', async () => {
  await using w = await world()
  await using server = await serveGit(w.root)
  await using elsewhere = await serveGit(w.root)
  const tokenFile = join(w.root, 'token')
  await writeFile(tokenFile, 's3cret')
  server.instead = (request, response) => response.writeHead(302, { location: `${elsewhere.url}${request.url}` }).end()
  const source = w.source({ url: `${server.url}/repo/.git`, tokenFile })
  assert.match(failure(await read(source)), /with a token redirects are not followed: give the final URL/)
  // Others on this machine may knock at a port that was theirs once.
  assert.deepEqual(
    elsewhere.requests.filter(({ line }) => line.includes('/repo/')),
    [],
  )
})

test('settings that cannot work are reasons', async () => {
  await using w = await world()
  const tokenFile = join(w.root, 'token')
  await writeFile(tokenFile, '')
  assert.match(
    failure(await read(w.source({ url: 'https://127.0.0.1/x', tokenFile }))),
    /^expected one token in .*, got nothing$/,
  )
  await writeFile(tokenFile, 'x')
  assert.match(
    failure(await read(w.source({ url: 'http://git.example.com/x', tokenFile }))),
    /^credentials never go over plain http/,
  )
  assert.match(failure(await read(w.source({ tokenFile }))), /^expected an https URL for the token file, got \//)
  assert.match(
    failure(await read(w.source({ url: 'https://127.0.0.1/x', tokenFile: join(w.root, 'none') }))),
    /^expected a token in .*, but it cannot be read: ENOENT/,
  )
  assert.match(
    failure(await read(w.source({ url: '--upload-pack=touch /tmp/x' }))),
    /^expected the URL or path of a Git repo, got '--upload-pack/,
  )
  assert.match(failure(await read(w.source({ url: 'ext::sh -c id' }))), /^expected the URL or path of a Git repo/)
})

test('a remote that accepts and says nothing is given up after the time-out, and the connection ends', async () => {
  await using w = await world()
  const ended = Promise.withResolvers<void>()
  const silent = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('close', () => ended.resolve())
    socket.resume()
  })
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const address = silent.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/x`
  assert.equal(failure(await read(w.source({ url, timeoutMs: 300 }))), `reading ${url} took longer than 300 ms`)
  await ended.promise
  silent.close()
  await once(silent, 'close')
})

test('reading ends with its signal, and throws its reason', async () => {
  await using w = await world()
  const connected = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const silent = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('close', () => ended.resolve())
    socket.resume()
    connected.resolve()
  })
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const address = silent.address()
  const stop = new AbortController()
  const reading = w.source({ url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/x` }).read(stop.signal)
  await connected.promise
  stop.abort(new Error('enough'))
  await assert.rejects(reading, /^Error: enough$/)
  await ended.promise
  silent.close()
  await once(silent, 'close')
})
