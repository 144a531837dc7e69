import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { cluster, settings, watch } from '../config/testing/manifests.ts'
import type { Findings } from './subject.ts'
import { findingsOf, said, shop, told } from './testing/findings.ts'
import { watchChecks } from './watch-checks.ts'

function checksOf(findings: Findings, endpoint?: string) {
  const w = findings.snapshot.watches.get('w')
  assert.ok(w)
  return told(watchChecks(w, findings, endpoint))
}

const when = (verdict: 'holds' | 'fails' | 'unclear', detail: string) => [{ field: 'when', verdict, detail } as const]

suite('the checks of a watch', () => {
  test('tell every condition in order: what names decide by the hub, the rest by the agent, each with its place', async () => {
    const texts = [
      watch('w', 'namespaces:\n  include: [web]\n  exclude: [lab]\nwhen: "true"\nevents: [created]\ninitial: skip'),
      settings('ignoreNamespaces: [kube-system]'),
    ]
    const findings = said(await findingsOf(texts), when('holds', 'is true'))
    assert.deepEqual(checksOf(findings, 'dns'), [
      'resources yes services 2.yaml:5',
      'endpoints yes dns 2.yaml:6',
      'clusters yes prod 2.yaml:1',
      'ignoreNamespaces yes "web" not excluded by [kube-system] 3.yaml:4',
      'namespaces yes "web" in [web] 2.yaml:8',
      'namespaces.exclude yes "web" not excluded by [lab] 2.yaml:9',
      'when yes is true 2.yaml:10',
      'events note only created are delivered 2.yaml:11',
      'initial note skip: what is there when the watch begins is told when it changes 2.yaml:12',
      'stream yes live',
    ])
  })

  test('end where the kind is another one', async () => {
    const findings = await findingsOf([watch('w', 'paused: true')], { subject: { ...shop, resource: 'pods' } })
    assert.deepEqual(checksOf(findings), ['resources no services 2.yaml:5'])
  })

  test('a watch without endpoints, one that rests, and one for other clusters, say so', async () => {
    const texts = [watch('w', 'paused: true\nclusters: {names: [other]}\nwhen: "true"', '[]'), cluster('other')]
    assert.deepEqual(checksOf(said(await findingsOf(texts), [])), [
      'resources yes services 2.yaml:5',
      'endpoints no none: matches are counted, nothing is sent 2.yaml:6',
      'paused no the watch rests: it is as if it did not exist 2.yaml:7',
      'clusters no it is for other 2.yaml:8',
      'when unknown not looked at while the watch is paused 2.yaml:9',
    ])
  })

  test('kinds without namespaces have no conditions on them', async () => {
    const subject = { ...shop, namespace: '', namespaced: false }
    const findings = await findingsOf([watch('w', 'namespaces: {include: [a], selector: team}')], { subject })
    assert.deepEqual(checksOf(said(findings, [])).slice(3), ['stream yes live'])
  })

  test('what needs the object is unknown where the agent was not asked, does not have the watch, or follows an older one', async () => {
    const findings = await findingsOf([watch('w', 'labelSelector: app')])
    const label = (of: Findings) => checksOf(of).find((each) => each.startsWith('labelSelector'))
    assert.equal(label({ ...findings, silence: 'gone' }), 'labelSelector unknown the agent could not be asked 2.yaml:7')
    assert.equal(label(findings), 'labelSelector unknown the agent does not have this watch yet 2.yaml:7')
    assert.equal(
      label({ ...findings, agentPlan: findings.plan.hash }),
      'labelSelector unknown there was no room for this watch in the answer 2.yaml:7',
    )
    assert.equal(label(said(findings, [], { found: 'absent' })), 'labelSelector unknown there is no such object 2.yaml:7')
    assert.equal(
      label(said(findings, [], { found: 'unknown', problem: 'the API server answered 403: no' })),
      'labelSelector unknown the API server answered 403: no 2.yaml:7',
    )
    const older = said(findings, []).streams.map((stream) => ({
      ...stream,
      watches: stream.watches.map((each) => ({ ...each, definition: 'of yesterday' })),
    }))
    assert.equal(
      label({ ...findings, streams: older }),
      'labelSelector unknown the agent follows an older definition of this watch 2.yaml:7',
    )
  })

  test('an error of when leaves the object as it was, in or out', async () => {
    const findings = await findingsOf([watch('w', 'when: object.x > "1"')])
    const error = when('unclear', 'cannot be told')
    const whenOf = (of: Findings) => checksOf(of).find((each) => each.startsWith('when'))
    assert.equal(whenOf(said(findings, error)), 'when no cannot be told; it was out 2.yaml:7')
    const row = { uid: 'u1', resourceVersion: '5', matches: ['w'] }
    assert.equal(whenOf(said(findings, error, { told: row })), 'when yes cannot be told; it was in 2.yaml:7')
  })

  test('the stream says its state, and what of the object was reported, is on its way, or was suppressed', async () => {
    const findings = await findingsOf([watch('w')])
    const row = { uid: 'u1', resourceVersion: '5', matches: ['w'] }
    const tail = (more: Parameters<typeof said>[2]) => checksOf(said(findings, [], more)).slice(3)
    assert.deepEqual(tail({ state: { state: 'failed', reason: 'forbidden: needs list,watch on services' } }), [
      'stream no failed: forbidden: needs list,watch on services',
    ])
    assert.deepEqual(tail({ state: { state: 'syncing', done: 3, total: 9 } }), ['stream no syncing 3/9'])
    assert.deepEqual(tail({ state: { state: 'paused' } }), [], 'a paused cluster says that for itself')
    assert.deepEqual(tail({ told: { ...row, resourceVersion: '7' }, unchanged: true }), [
      'stream yes live',
      'reported note resourceVersion 7, the newest',
    ])
    assert.deepEqual(tail({ told: row, unchanged: true }), [
      'stream yes live',
      'suppressed note what changed since resourceVersion 5 is not in what the watch sends, so nothing was told of it',
    ])
    assert.deepEqual(tail({ told: row, unchanged: false }), [
      'stream yes live',
      'reported note resourceVersion 5; what changed since is on its way',
    ])
    assert.deepEqual(tail({ told: { ...row, matches: ['another'] } }), ['stream yes live'])
  })
})
