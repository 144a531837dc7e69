import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseArgs } from './settings.ts'

const parse = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => parseArgs({ args, env })
const needed = ['--hub', 'https://hub.example.com', '--cluster', 'prod-eu-1']

test('hub and cluster are all that is needed', () => {
  const parsed = parse(needed)
  assert.ok(parsed.kind === 'run')
  assert.equal(parsed.settings.hub.url.href, 'https://hub.example.com/')
  assert.equal(parsed.settings.cluster, 'prod-eu-1')
  assert.equal(parsed.settings.logLevel, 'info')
  assert.equal(parsed.settings.state, undefined)
})

test('every flag can come from the environment, and a flag wins over it', () => {
  const env = {
    WATCH_HUB_HUB: 'https://other',
    WATCH_HUB_URL: 'https://env',
    WATCH_HUB_CLUSTER: 'c',
    WATCH_HUB_JOIN_TOKEN: 't',
    WATCH_HUB_STATE: '/s',
    WATCH_HUB_LISTEN: ':8081',
  }
  const parsed = parse(['--cluster', 'flag'], env)
  assert.ok(parsed.kind === 'run')
  const { hub, cluster, joinToken, state, listen } = parsed.settings
  assert.deepEqual(
    { hub: hub.url.href, cluster, joinToken, state, listen },
    { hub: 'https://env/', cluster: 'flag', joinToken: 't', state: '/s', listen: { host: '0.0.0.0', port: 8081 } },
  )
})

test('a wrong flag is named and ends with code 2', () => {
  const parsed = parse([...needed, '--clutser', 'x'])
  assert.ok(parsed.kind === 'exit')
  assert.equal(parsed.code, 2)
  assert.match(parsed.err, /unknown option '--clutser'/)
})

test('a hub that is no URL, an address that is none and a missing CA file say what was expected', () => {
  for (const [args, expected] of [
    [['--hub', 'hub.example.com', '--cluster', 'c'], /expected an http or https URL, got "hub.example.com"/],
    [[...needed, '--listen', '8081x'], /expected HOST:PORT or :PORT, got "8081x"/],
    [[...needed, '--ca', '/nowhere/ca.pem'], /expected a PEM file, got \/nowhere\/ca.pem/],
  ] as const) {
    const parsed = parse(args)
    assert.ok(parsed.kind === 'exit')
    assert.equal(parsed.code, 2)
    assert.match(parsed.err, expected)
  }
})

test('audits come every hour, or as often as is said, but not all the time', () => {
  const auditOf = (args: readonly string[], env = {}) => {
    const parsed = parse([...needed, ...args], env)
    return parsed.kind === 'run' ? parsed.settings.auditMs : parsed.err
  }
  assert.equal(auditOf([]), 3_600_000)
  assert.equal(auditOf(['--audit', '90s']), 90_000)
  assert.equal(auditOf([], { WATCH_HUB_AUDIT: '1m' }), 60_000)
  for (const wrong of ['59s', '0h', 'often', '1d'])
    assert.match(String(auditOf(['--audit', wrong])), /expected a duration of 1m or more/)
})

test('help names the environment variable of each flag', () => {
  const parsed = parse(['--help'])
  assert.ok(parsed.kind === 'exit')
  assert.equal(parsed.code, 0)
  for (const name of ['WATCH_HUB_URL', 'WATCH_HUB_JOIN_TOKEN', 'WATCH_HUB_KUBECONFIG', 'WATCH_HUB_AUDIT'])
    assert.match(parsed.out, new RegExp(name))
})
