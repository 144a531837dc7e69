import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveRemote, shownRemote } from './remote.ts'

test('shownRemote hides what opens the repo and keeps the rest', () => {
  assert.equal(shownRemote('https://me:token@git.example.com/a/b.git?private_token=x'), 'https://git.example.com/a/b.git')
  for (const url of ['git@github.com:a/b.git', 'ssh://git@host:22/a', '/srv/repo', 'file:///srv/repo'])
    assert.equal(shownRemote(url), url)
})

test('ssh asks nobody, knows its hosts, and takes the key and hosts that are given', async () => {
  const { access } = await resolveRemote({
    url: 'git@host:a.git',
    sshKeyFile: "/keys/it's one",
    knownHostsFile: '/keys/known hosts',
  })
  assert.equal(
    access.sshCommand,
    `ssh -i '/keys/it'\\''s one' -o 'BatchMode=yes' -o 'StrictHostKeyChecking=yes' -o 'ConnectTimeout=15' -o 'IdentitiesOnly=yes' -o 'UserKnownHostsFile="/keys/known hosts"'`,
  )
})

test('a URL without credentials needs none', async () => {
  assert.deepEqual(await resolveRemote({ url: 'http://git.example.com/a?b=c' }), {
    url: 'http://git.example.com/a?b=c',
    access: {},
  })
})
