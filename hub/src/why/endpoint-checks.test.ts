import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { endpoint } from '../config/testing/manifests.ts'
import type { EndpointDetail } from '../delivery/detail.ts'
import { fakeDetail, fakeLetter, fakeStatus, t0 } from '../http/testing/fake-view.ts'
import { type EndpointFacts, endpointChecks } from './endpoint-checks.ts'
import { findingsOf, shop, told } from './testing/findings.ts'

const [status] = fakeStatus.endpoints
assert.ok(status)
const { reason: _, oldestMs: __, nextAttemptAt: ___, drainMs: ____, ...known } = { ...status, ...fakeDetail }
const well: EndpointDetail = { ...known, phase: 'idle', backlog: 0, scans: [], breaker: { state: 'closed', since: t0 } }

async function checks(spec: string, facts: Partial<Omit<EndpointFacts, 'config'>> = {}, subject = shop) {
  const { snapshot } = await findingsOf([endpoint('crm', spec)])
  const config = snapshot.endpoints.get('crm')
  assert.ok(config)
  return endpointChecks({ config, letters: [], now: { detail: well, object: { pacedMs: 0 } }, ...facts }, subject, snapshot)
}
const now = (detail: Partial<EndpointDetail>, object: Partial<NonNullable<EndpointFacts['now']>['object']> = {}) => ({
  now: { detail: { ...well, ...detail }, object: { pacedMs: 0, ...object } },
})

suite('the checks of an endpoint', () => {
  test('one that is well has only its breaker to show', async () => {
    assert.deepEqual(told(await checks('')), ['breaker yes closed: requests go'])
  })

  test('each part of the fence is judged by itself, with its place', async () => {
    const fence = 'allow:\n  clusters: {names: ["stage-*"]}\n  namespaces: [web]\n  resources: [services, pods]'
    assert.deepEqual(told(await checks(fence)).slice(0, 3), [
      'allow.clusters no "prod" not in [stage-*] 2.yaml:7',
      'allow.namespaces yes "web" in [web] 2.yaml:8',
      'allow.resources yes "services" in [services, pods] 2.yaml:9',
    ])
  })

  test('a fence that asks for a version needs the agent, which knows it', async () => {
    const fence = 'allow:\n  resources: [services/v1]'
    assert.deepEqual(told(await checks(fence))[0], 'allow.resources yes "services" in [services/v1] 2.yaml:7')
    const { version: _version, ...unseen } = shop
    assert.deepEqual(
      told(await checks(fence, {}, unseen))[0],
      'allow.resources unknown it asks for a version, and the agent could not be asked 2.yaml:7',
    )
  })

  test('holds say by whom, why and until when; one in Git says where', async () => {
    const holds = [
      { cause: 'git', since: t0, by: '2.yaml:1' },
      { cause: 'operator', since: t0, by: 'ann', reason: 'moving', until: t0 + 5 },
      { cause: 'gone', since: t0, by: 'hub', reason: '410' },
    ] as const
    const [git, operator, gone] = await checks('paused: true', now({ holds }))
    assert.deepEqual(told([git, operator, gone].flatMap((each) => each ?? [])), [
      'hold no paused in Git 2.yaml:6',
      'hold no paused by ann: moving',
      "hold no held until 'watch-hub endpoint resume' or another url, because nobody is there any more, by hub: 410",
    ])
    assert.deepEqual([operator?.since, operator?.next], [t0, t0 + 5])
  })

  test('what is blocked, and an open breaker, keep everything back', async () => {
    const open = { state: 'open', since: t0, reason: '5 failures in a row', nextProbeAt: t0 + 8 } as const
    const found = await checks('', now({ phase: 'blocked', reason: 'the secret dns/token is missing', breaker: open }))
    assert.deepEqual(told(found), [
      'blocked no the secret dns/token is missing',
      'breaker no open, nothing is sent: 5 failures in a row',
    ])
    assert.equal(found[1]?.next, t0 + 8)
  })

  test('a parked object keeps only itself back', async () => {
    const [parked] = fakeDetail.parkedObjects
    assert.ok(parked)
    const [, check] = await checks('', now({}, { parked }))
    assert.deepEqual(check, {
      about: 'parked',
      mark: 'no',
      detail: 'this object is parked after 4 attempts, 1 more of its events behind: answered 422: no such zone',
      since: t0 - 600_000,
      next: t0 + 35_000,
    })
  })

  test('dead letters, the pace, what waits, and scans are worth knowing', async () => {
    const scan = { watch: 'w', cluster: 'prod', reason: 'resync', sent: 2, total: 9, waiting: true }
    const facts = now({ backlog: 12, oldestMs: 3_400, scans: [scan, { ...scan, cluster: 'other' }] }, { pacedMs: 399.5 })
    const found = await checks('rateLimit: {requests: 10, per: 1s}', { ...facts, letters: [fakeLetter, fakeLetter] })
    assert.deepEqual(told(found).slice(1), [
      "dead-letters note 2 of this object, the newest updated was given up: answered 422: no such zone ('watch-hub dead-letters show letter-1')",
      'rateLimit note 10 per 1s: used up, the next request waits 400ms 2.yaml:6',
      'backlog note 12 events wait, the oldest for 3s',
      'scan note resync of w: 2/9, waits for the cluster to be compared',
    ])
  })

  test('one whose courier is just beginning is unknown', async () => {
    const { snapshot } = await findingsOf([])
    const config = snapshot.endpoints.get('dns')
    assert.ok(config)
    assert.deepEqual(told(endpointChecks({ config, letters: [] }, shop, snapshot)), ['delivery unknown it is just beginning'])
  })
})
