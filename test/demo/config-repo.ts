/**
 * The demo's config repo: `config-repo-template/` with its endpoints pointed at the demo's receiver, as an ordinary Git work tree. The hub reads
 * that work tree's repo, so a commit is enough; nothing has to be pushed.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CannotStart } from './folder.ts'

const run = promisify(execFile)
const template = join(dirname(fileURLToPath(import.meta.url)), '../../config-repo-template')

/** `receiver`: `http://127.0.0.1:PORT`; each endpoint gets a path of its own there. */
export async function makeConfigRepo(folder: string, receiver: string): Promise<void> {
  await cp(template, folder, { recursive: true })
  for (const endpoint of ['dns', 'cmdb']) {
    const file = join(folder, 'endpoints', `${endpoint}.yaml`)
    const text = await readFile(file, 'utf8')
    const pointed = text.replace(/^( {2}url: ).*$/m, `$1${receiver}/${endpoint}`).replace('maxWait: 5s', 'maxWait: 1s')
    await writeFile(file, pointed)
  }
  const git = async (...args: readonly string[]) => {
    await run('git', args, { cwd: folder }).catch((error: unknown) => {
      throw new CannotStart(`expected 'git ${args[0]}' to work, it did not: is git installed?`, { cause: error })
    })
  }
  await git('init', '--quiet', '--initial-branch=main')
  // People commit here by hand, and not everybody's Git knows who they are or may sign.
  await git('config', 'user.name', 'Watch Hub demo')
  await git('config', 'user.email', 'demo@example.com')
  await git('config', 'commit.gpgsign', 'false')
  await git('add', '--all')
  await git('commit', '--quiet', '--message', 'The template, pointed at the receiver of the demo')
}

/** What the endpoints of the template refer to. */
export async function writeSecrets(folder: string): Promise<void> {
  const secrets = { 'dns/username': 'watch-hub', 'dns/password': 'demo-password', 'cmdb/token': 'demo-token' }
  for (const [path, value] of Object.entries(secrets)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, value, { mode: 0o600 })
  }
}
