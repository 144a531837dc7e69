/** For tests: a real Git repo in a folder of its own, and a way to serve it over http. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { simpleGit } from 'simple-git'

export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'watch-hub-config-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

/** Path → text; null removes. `{ link }` is a symbolic link. */
export type Change = Readonly<Record<string, string | null | { readonly link: string }>>

export async function writeTree(folder: string, change: Change): Promise<void> {
  for (const [path, content] of Object.entries(change)) {
    const file = join(folder, path)
    await rm(file, { recursive: true, force: true })
    if (content === null) continue
    await mkdir(dirname(file), { recursive: true })
    if (typeof content === 'string') await writeFile(file, content)
    else await symlink(content.link, file)
  }
}

export interface TestRepo {
  readonly folder: string
  git(...args: readonly string[]): Promise<string>
  /** Commits everything; gives the commit. */
  commit(change: Change): Promise<string>
}

/** A repo whose branch is `main`, without commits. */
export async function createRepo(folder: string): Promise<TestRepo> {
  await mkdir(folder, { recursive: true })
  const config = ['user.name=Test', 'user.email=test@example.com', 'commit.gpgSign=false', 'uploadpack.allowAnySHA1InWant=true']
  const git = async (...args: readonly string[]) => (await simpleGit({ baseDir: folder, config }).raw([...args])).trim()
  await git('init', '--quiet', '--initial-branch=main')
  return {
    folder,
    git,
    async commit(change) {
      await writeTree(folder, change)
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', '--message=test')
      return git('rev-parse', 'HEAD')
    },
  }
}

export interface GitServer extends AsyncDisposable {
  readonly url: string
  /** `METHOD path?query` of each request, and its headers. */
  readonly requests: { readonly line: string; readonly authorization: string | undefined }[]
  /** Answers in place of git from now on; undefined = git again. */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
}

/** Serves the repos below `root` as git's own http backend does. */
export async function serveGit(root: string): Promise<GitServer> {
  const execPath = (await simpleGit().raw(['--exec-path'])).trim()
  const state: Pick<GitServer, 'requests' | 'instead'> = { requests: [], instead: undefined }
  const server = createServer((request, response) => {
    state.requests.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization })
    if (state.instead !== undefined) return state.instead(request, response)
    const { pathname, search } = new URL(request.url ?? '/', 'http://x')
    const env = {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      GIT_PROTOCOL: request.headers['git-protocol']?.toString() ?? '',
    }
    const backend = spawn(join(execPath, 'git-http-backend'), [], { env, stdio: ['pipe', 'pipe', 'ignore'] })
    const unzipped = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
    unzipped.pipe(backend.stdin)
    void answer(backend.stdout, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}

/** CGI: headers, an empty line, the body. */
async function answer(output: NodeJS.ReadableStream, response: ServerResponse): Promise<void> {
  const bytes = await buffer(output)
  const end = bytes.indexOf('\r\n\r\n')
  const head = bytes.toString('utf8', 0, end).split('\r\n')
  const headers = head.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const)
  const status = headers.find(([name]) => name.toLowerCase() === 'status')?.[1] ?? '200'
  response.writeHead(Number.parseInt(status, 10), Object.fromEntries(headers.filter(([name]) => name.toLowerCase() !== 'status')))
  response.end(bytes.subarray(end + 4))
}
