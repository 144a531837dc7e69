/** For tests: what is known about the Service web/shop in the cluster prod, by a config of a few manifests. */
import assert from 'node:assert/strict'
import type { StreamVerdict } from '@watch-hub/shared/protocol/explain'
import { planFor } from '../../config/plan.ts'
import { cluster, endpoint, snapshotOf } from '../../config/testing/manifests.ts'
import type { Check } from '../model.ts'
import type { Findings, Subject } from '../subject.ts'

export const shop: Subject = {
  ...{ cluster: 'prod', group: '', resource: 'services', namespace: 'web', name: 'shop' },
  ...{ namespaced: true, version: 'v1' },
}

/** The cluster is `0.yaml`, the endpoint dns `1.yaml`, what is given follows. */
export async function findingsOf(
  texts: readonly string[],
  known: Partial<Omit<Findings, 'snapshot' | 'plan'>> = {},
): Promise<Findings> {
  const snapshot = await snapshotOf(cluster('prod'), endpoint('dns'), ...texts)
  const plan = planFor(snapshot, 'prod')
  assert.ok(plan)
  return { subject: shop, streams: [], ...known, snapshot, plan }
}

/** With what an agent that follows the plan says of the object, these conditions of every watch. */
export function said(
  findings: Findings,
  conditions: StreamVerdict['watches'][number]['conditions'],
  more: Partial<StreamVerdict> = {},
): Findings {
  const streams = findings.plan.streams.map(
    ({ id, watches }): StreamVerdict => ({
      stream: id,
      state: { state: 'live' },
      kind: { version: 'v1', kind: 'Service', namespaced: true },
      found: 'present',
      object: { namespace: 'web', uid: 'u1', resourceVersion: '7' },
      watches: watches.map(({ name, definition }) => ({ watch: name, definition, conditions })),
      ...more,
    }),
  )
  return { ...findings, streams }
}

/** `namespaces no "web" not in [a] 2.yaml:8` */
export const told = (checks: readonly Check[]): readonly string[] =>
  checks.map(({ about, mark, detail, at }) => `${about} ${mark} ${detail}${at === undefined ? '' : ` ${at.file}:${at.line}`}`)
