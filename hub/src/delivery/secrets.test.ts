import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { bell } from '@watch-hub/shared/runtime/bell'
import { silentLog } from '@watch-hub/shared/runtime/log'
import { startSecrets } from './secrets.ts'

const receiver = new URL('https://dns.example.com/hooks')

async function secretsFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'watch-hub-secrets-'))
  const secrets = startSecrets({ log: silentLog }, { folder, env: { WATCH_HUB_SECRET_TOKEN: 'from-env', HOME: '/root' } })
  return {
    folder,
    secrets,
    write: async (name: string, text: string) => {
      await mkdir(join(folder, name, '..'), { recursive: true })
      await writeFile(join(folder, name), text)
    },
    reason: async (secret: string, to = receiver) => {
      const found = await secrets.read({ secret }, to)
      return found.kind === 'missing' ? found.reason : `found ${found.value}`
    },
    [Symbol.asyncDispose]: async () => {
      await secrets[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

test('a secret is a file, NAME or NAME/KEY, without one trailing newline', async () => {
  await using at = await secretsFolder()
  await at.write('token', 'abc\n\n')
  await at.write('dns/username', 'ann')
  assert.equal(await at.reason('token'), 'found abc\n')
  assert.equal(await at.reason('dns/username'), 'found ann')
})

test('a mounted Secret is read through its links', async () => {
  await using at = await secretsFolder()
  await at.write('dns/..2026/password', 'pw')
  await symlink('..2026', join(at.folder, 'dns', '..data'))
  await symlink('..data/password', join(at.folder, 'dns', 'password'))
  assert.equal(await at.reason('dns/password'), 'found pw')
})

test('names that lead out of the folder are no secrets', async () => {
  await using at = await secretsFolder()
  for (const name of [
    '../passwd',
    '..',
    'dns/../../passwd',
    'dns/..data',
    '/etc/passwd',
    'a/b/c',
    '',
    'dns/',
    'dns/allowed-hosts',
  ])
    assert.match(await at.reason(name), /^expected a secret named NAME or NAME\/KEY/, name)
})

test('a missing secret is named by its file', async () => {
  await using at = await secretsFolder()
  assert.match(await at.reason('dns/password'), /^expected the secret file dns\/password below the secrets folder, got none/)
})

test('an environment reference reads its own prefix and nothing else', async () => {
  await using at = await secretsFolder()
  assert.deepEqual(await at.secrets.read({ env: 'TOKEN' }, receiver), { kind: 'found', value: 'from-env' })
  const missing = await at.secrets.read({ env: 'HOME' }, receiver)
  assert.match(missing.kind === 'missing' ? missing.reason : '', /WATCH_HUB_SECRET_HOME/)
})

test('allowed-hosts binds a secret to receivers', async () => {
  await using at = await secretsFolder()
  await at.write('dns/password', 'pw')
  await at.write('dns/allowed-hosts', '# ours\nDNS.example.com\n*.internal:8443\n')
  assert.equal(await at.reason('dns/password'), 'found pw')
  assert.equal(await at.reason('dns/password', new URL('https://a.internal:8443/')), 'found pw')
  for (const other of ['https://a.internal/', 'https://evil.example.com/', 'https://dns.example.com.evil.org/'])
    assert.match(await at.reason('dns/password', new URL(other)), /dns\/allowed-hosts alone/, other)
})

test('an empty or unreadable allowed-hosts lets nobody have the secret', async () => {
  await using at = await secretsFolder()
  await at.write('dns/password', 'pw')
  await at.write('dns/allowed-hosts', '')
  assert.match(await at.reason('dns/password'), /alone/)
  await rm(join(at.folder, 'dns', 'allowed-hosts'))
  await mkdir(join(at.folder, 'dns', 'allowed-hosts'))
  assert.match(await at.reason('dns/password'), /cannot be read \(EISDIR\)/)
})

test('without a secrets folder each of its secrets is missing', async () => {
  await using secrets = startSecrets({ log: silentLog }, { env: {} })
  const found = await secrets.read({ secret: 'dns' }, receiver)
  assert.match(found.kind === 'missing' ? found.reason : '', /without --secrets/)
})

test('a secret that appears is told', async () => {
  await using at = await secretsFolder()
  const changed = bell()
  using _listening = at.secrets.onChange(changed.ring)
  await at.write('late', 'x')
  await changed.wait()
})
