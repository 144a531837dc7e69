import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { cluster, endpoint, snapshotOf } from '../config/testing/manifests.ts'
import { fakeStatus, t0 } from '../http/testing/fake-view.ts'
import { clusterChecks } from './cluster-checks.ts'
import { findingsOf, told } from './testing/findings.ts'

const [known] = fakeStatus.clusters
assert.ok(known)
const status = { ...known, name: 'prod', desiredHash: 'p', receivedHash: 'p', activeHash: 'p' }

suite('the checks of a cluster', () => {
  test('an agent that is there and follows the live config', async () => {
    assert.deepEqual(told(clusterChecks(status, await findingsOf([]))), [
      'agent yes connected',
      'plan yes the agent follows the live config',
    ])
  })

  test('a cluster that is paused says where', async () => {
    const findings = await findingsOf([])
    const snapshot = await snapshotOf(cluster('prod', '', 'paused: true'), endpoint('dns'))
    assert.equal(
      told(clusterChecks(status, { ...findings, snapshot }))[0],
      'paused no the cluster is paused: nothing of it is reported 0.yaml:5',
    )
  })

  test('an agent that never joined, was revoked, was stopped, or is lost, each in its words', async () => {
    const findings = await findingsOf([], { silence: 'no agent of the cluster is connected' })
    const agent = (more: Partial<typeof status>) => clusterChecks({ ...status, connected: false, ...more }, findings)[0]
    assert.match(agent({ joined: false })?.detail ?? '', /^no agent has joined: 'watch-hub cluster token prod'/)
    assert.equal(agent({ revoked: true })?.detail, 'its key was revoked')
    assert.match(agent({ left: true })?.detail ?? '', /^away, it was stopped/)
    const lost = agent({})
    assert.match(lost?.detail ?? '', /^away, the connection is lost: .* what needs the object could not be asked$/)
    assert.deepEqual([lost?.mark, lost?.since], ['no', t0 - 60_000])
  })

  test('one that is there and says nothing leaves it open', async () => {
    const silence = 'the agent is connected and did not answer within 10s'
    assert.deepEqual(told(clusterChecks(status, await findingsOf([], { silence })))[0], `agent unknown ${silence}`)
  })

  test('a plan that is on its way, or cannot be followed, is told', async () => {
    const findings = await findingsOf([])
    const plan = (more: Partial<typeof status> & { readonly error?: string }) =>
      told(clusterChecks({ ...status, ...more }, findings))[1]
    assert.equal(plan({ activeHash: 'o' }), 'plan note the agent has received the live config and begins with it')
    assert.equal(plan({ activeHash: 'o', receivedHash: 'o' }), 'plan note the agent gets the live config')
    assert.equal(plan({ error: 'needs agent 2' }), 'plan no the agent cannot follow the live config: needs agent 2')
  })
})
