/** For tests: a real server with a made-up hub behind it, on a free port, a folder to run in, and a way to run commands that know both. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { startServer } from '../../http/server.ts'
import { fakeView } from '../../http/testing/fake-view.ts'
import { runHere, type Surroundings } from './recording-io.ts'

export const token = 'the-admin-token'

export async function world() {
  await using stack = new AsyncDisposableStack()
  const cwd = await mkdtemp(join(tmpdir(), 'watch-hub-cli-'))
  stack.defer(() => rm(cwd, { recursive: true, force: true }))
  const view = fakeView()
  const admin = { view, adminToken: token, metrics: async () => '' }
  const server = stack.use(await startServer({ admin, log: silentLog }, { listen: { host: '127.0.0.1', port: 0 }, graceMs: 50 }))
  const env = { WATCH_HUB_URL: server.url, WATCH_HUB_TOKEN: token, USER: 'ann' }
  const owned = stack.move()
  return {
    view,
    server,
    cwd,
    env,
    run: (argv: readonly string[], around: Surroundings = {}) => runHere(argv, { env, cwd, ...around }),
    writeData: async (folder: string, url: string, text = token) => {
      await mkdir(join(cwd, folder), { recursive: true })
      await writeFile(join(cwd, folder, 'hub.json'), JSON.stringify({ url, pid: 1 }))
      await writeFile(join(cwd, folder, 'admin-token'), `${text}\n`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
