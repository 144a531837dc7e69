/** Whether the cluster's agent can tell of anything. */
import type { ClusterStatus } from '../fleet/status.ts'
import type { Check } from './model.ts'
import { check, type Findings } from './subject.ts'

export function clusterChecks(status: ClusterStatus | undefined, { subject, snapshot, silence }: Findings): readonly Check[] {
  const { cluster } = subject
  const config = snapshot.clusters.get(cluster)
  const place = snapshot.places.clusters.get(cluster)?.paused ?? config?.at
  return [
    ...(config?.paused === true ? [check('paused', 'no', 'the cluster is paused: nothing of it is reported', place)] : []),
    ...agentChecks(status, silence),
    ...planChecks(status),
  ]
}

function agentChecks(status: ClusterStatus | undefined, silence: string | undefined): readonly Check[] {
  const name = status?.name ?? 'NAME'
  if (status?.revoked === true) return [check('agent', 'no', 'its key was revoked')]
  if (status?.joined !== true)
    return [check('agent', 'no', `no agent has joined: 'watch-hub cluster token ${name}' says how to start one`)]
  if (status.connected) return [connected(status, silence)]
  const how = status.left ? 'it was stopped' : 'the connection is lost'
  const why = `away, ${how}: nothing is reported, and what needs the object could not be asked`
  return [{ ...check('agent', 'no', why), ...(status.since !== undefined && { since: status.since }) }]
}

/** Changes come whether it answers questions or not. */
const connected = ({ since }: ClusterStatus, silence: string | undefined): Check => ({
  ...check('agent', silence === undefined ? 'yes' : 'unknown', silence === undefined ? 'connected' : silence),
  ...(since !== undefined && silence === undefined && { since }),
})

function planChecks(status: ClusterStatus | undefined): readonly Check[] {
  if (status?.connected !== true) return []
  if (status.error !== undefined) return [check('plan', 'no', `the agent cannot follow the live config: ${status.error}`)]
  if (status.desiredHash === status.activeHash) return [check('plan', 'yes', 'the agent follows the live config')]
  const how =
    status.desiredHash === status.receivedHash ? 'has received the live config and begins with it' : 'gets the live config'
  return [check('plan', 'note', `the agent ${how}`)]
}
