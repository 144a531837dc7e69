import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toSettings } from './serve.ts'
import { runHere } from './testing/recording-io.ts'
import { shareOrSize } from './values.ts'

const given: Parameters<typeof toSettings>[0] = {
  configRepo: 'https://git.example.com/config.git',
  branch: undefined,
  path: undefined,
  poll: 30_000,
  gitTokenFile: undefined,
  gitSshKey: undefined,
  gitKnownHosts: undefined,
  data: './watch-hub-data',
  secrets: undefined,
  logLimit: 4 * 1024 ** 3,
  minFreeDisk: { share: 0.1 },
  listen: { host: '127.0.0.1', port: 8080 },
  agentListen: undefined,
  tlsCert: undefined,
  tlsKey: undefined,
  publicUrl: undefined,
  allowEgress: [],
  denyEgress: [],
  egressProxy: undefined,
  noProxy: [],
  deadLetterRetention: 2_592_000_000,
  deadLetterLimit: 256 * 1024 ** 2,
  allowInsecureCredentials: false,
  traceFailures: 'always',
  logLevel: 'info',
}

test('serve: what is not given is absent from the settings', () => {
  assert.deepEqual(toSettings(given, '/srv'), {
    config: { repo: 'https://git.example.com/config.git', pollMs: 30_000 },
    dataDir: '/srv/watch-hub-data',
    logLimit: 4 * 1024 ** 3,
    minFreeDisk: { share: 0.1 },
    listen: { host: '127.0.0.1', port: 8080 },
    allowEgress: [],
    denyEgress: [],
    deadLetterRetentionMs: 2_592_000_000,
    deadLetterLimit: 256 * 1024 ** 2,
    allowInsecureCredentials: false,
    traceFailures: true,
  })
})

test('serve: all that is given arrives, paths absolute', () => {
  const settings = toSettings(
    {
      ...given,
      branch: 'main',
      path: 'clusters',
      gitTokenFile: 'token',
      gitSshKey: '/etc/key',
      gitKnownHosts: 'hosts',
      secrets: 'secrets',
      logLimit: 1024 ** 2,
      minFreeDisk: { bytes: 512 },
      agentListen: { port: 8443 },
      tlsCert: 'cert.pem',
      tlsKey: 'key.pem',
      publicUrl: 'https://hub.example.com',
      allowEgress: ['127.0.0.0/8'],
      denyEgress: ['0.0.0.0/0'],
      egressProxy: 'http://ann:secret@proxy.example:3128',
      noProxy: ['.internal', '10.0.0.0/8'],
      deadLetterRetention: 60_000,
      deadLetterLimit: 65_536,
      allowInsecureCredentials: true,
      traceFailures: 'sampled',
    },
    '/srv',
  )
  assert.deepEqual(settings, {
    config: {
      repo: 'https://git.example.com/config.git',
      branch: 'main',
      path: 'clusters',
      pollMs: 30_000,
      gitTokenFile: '/srv/token',
      gitSshKeyFile: '/etc/key',
      gitKnownHostsFile: '/srv/hosts',
    },
    dataDir: '/srv/watch-hub-data',
    secretsDir: '/srv/secrets',
    logLimit: 1024 ** 2,
    minFreeDisk: { bytes: 512 },
    listen: { host: '127.0.0.1', port: 8080 },
    agentListen: { port: 8443 },
    tls: { certFile: '/srv/cert.pem', keyFile: '/srv/key.pem' },
    publicUrl: 'https://hub.example.com',
    allowEgress: ['127.0.0.0/8'],
    denyEgress: ['0.0.0.0/0'],
    egressProxy: { url: 'http://ann:secret@proxy.example:3128', noProxy: ['.internal', '10.0.0.0/8'] },
    deadLetterRetentionMs: 60_000,
    deadLetterLimit: 65_536,
    allowInsecureCredentials: true,
    traceFailures: false,
  })
})

test('serve: a config repo is a URL as git takes it, or a folder here', () => {
  const repo = (configRepo: string) => toSettings({ ...given, configRepo }, '/srv').config.repo
  for (const url of ['https://h/x.git', 'ssh://git@h/x', 'git@h:x/y.git', 'file:///srv/x']) assert.equal(repo(url), url)
  assert.equal(repo('./config'), '/srv/config')
  assert.equal(repo('/srv/config'), '/srv/config')
  assert.equal(repo('a:b'), '/srv/a:b')
})

test('serve: wrong flags are said before anything starts', async () => {
  const said = async (...argv: string[]) => {
    const { lines, code } = await runHere(['serve', ...argv])
    assert.equal(code, 2)
    return lines.err[0]
  }
  const repo = ['--config-repo', 'x']
  assert.equal(await said(), 'error: --config-repo (or WATCH_HUB_CONFIG_REPO): it is required')
  assert.equal(await said(...repo, '--tls-cert', 'c'), 'error: --tls-cert and --tls-key: expected both or none, got one')
  assert.equal(await said(...repo, '--poll', '10ms'), 'error: --poll: expected 1s or more, got "10ms"')
  assert.equal(await said(...repo, '--log-limit', '10'), 'error: --log-limit: expected 1Mi or more, got "10"')
  assert.equal(await said(...repo, '--log-limit', '4G'), 'error: --log-limit: expected a size such as 512Mi or 4Gi, got "4G"')
  const share = (given: string) => `error: --min-free-disk: expected a share such as 10% or a size such as 20Gi, got "${given}"`
  assert.equal(await said(...repo, '--min-free-disk', '101%'), share('101%'))
  assert.equal(await said(...repo, '--min-free-disk', 'some'), share('some'))
  assert.equal(await said(...repo, '--dead-letter-limit', '1Ki'), 'error: --dead-letter-limit: expected 64Ki or more, got "1Ki"')
  assert.equal(
    await said(...repo, '--dead-letter-retention', '1s'),
    'error: --dead-letter-retention: expected 1m or more, got "1s"',
  )
  assert.match((await said(...repo, '--no-proxy', 'a', 'b')) ?? '', /^error: --no-proxy: expected --egress-proxy with it/)
  const proxy = await said(...repo, '--egress-proxy', 'socks5://ann:hidden@proxy')
  assert.equal(proxy, 'error: --egress-proxy: expected the http or https URL of a proxy, such as http://proxy.example:3128')
  assert.equal(await said(...repo, '--log-level', 'loud'), 'error: --log-level: expected debug, info, warn, error, got "loud"')
})

test('serve: what has to stay free is a share or a size', () => {
  assert.deepEqual(['10%', '2.5%', '20Gi', '0'].map(shareOrSize), [
    { share: 0.1 },
    { share: 0.025 },
    { bytes: 20 * 1024 ** 3 },
    { bytes: 0 },
  ])
})
