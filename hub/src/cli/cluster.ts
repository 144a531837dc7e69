/** `watch-hub cluster …`: who may report to this hub. */
import { boolean, object, string } from '@watch-hub/shared/protocol/decode'
import { clusterStatuses, issuedToken } from '../http/wire.ts'
import { agentManifests } from './agent-manifests.ts'
import { command, type Group } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { defaulted, onOff, output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { age, json } from './output.ts'
import { clusterTable } from './status-text.ts'
import { duration } from './values.ts'

const list = command({
  name: 'list',
  about: 'the declared clusters, their agents and streams',
  flags: { output: output('json'), ...hubFlags },
  run: async (io, { output, ...where }) => {
    const clusters = await (await connectHub(io, where)).get('api/v1/clusters', clusterStatuses)
    if (output === 'json') io.out(json(clusters))
    else for (const line of clusterTable(clusters, Date.now())) io.out(line)
  },
})

const token = command({
  name: 'token',
  about: 'a token that lets the agent of a cluster join, once',
  args: [['<name>', 'a cluster that the config repo declares']],
  flags: {
    ttl: defaulted('--ttl <duration>', { about: 'how long it can be used', fallback: '30m', parse: duration }),
    replace: onOff('--replace', { about: 'let a cluster that was rebuilt take the name over from the one that had it' }),
    output: output('json', 'yaml'),
    ...hubFlags,
  },
  notes: "With '-o yaml' the manifests of the agent are printed: watch-hub cluster token NAME -o yaml | kubectl apply -f -",
  run: async (io, { ttl, replace, output, ...where }, [name = '']) => {
    const hub = await connectHub(io, where)
    const path = `api/v1/clusters/${encodeURIComponent(name)}/token`
    const issued = await hub.post(path, { ttlMs: ttl, replace }, issuedToken)
    const run = `npx watch-hub-agent --hub ${issued.hub} --cluster ${issued.cluster} --join-token ${issued.token}`
    if (output === 'yaml') return io.out(await agentManifests(hub.ca === undefined ? issued : { ...issued, ca: hub.ca }))
    if (output === 'json') {
      const expiresAt = new Date(issued.expiresAt).toISOString()
      return io.out(json({ cluster: issued.cluster, token: issued.token, expiresAt, command: run }))
    }
    io.out(`The agent of ${issued.cluster} can join once within ${age(issued.expiresAt - Date.now())}. In that cluster, run:`)
    io.out('')
    io.out(`  ${run}`)
    io.out('')
    io.out('It uses the current kubeconfig context; --kubeconfig and --context choose another.')
  },
})

const revoke = command({
  name: 'revoke',
  about: 'shut out the agent of a cluster, at once; its data stays',
  args: [['<name>', 'the cluster']],
  flags: hubFlags,
  run: async (io, where, [name = '']) => {
    const hub = await connectHub(io, where)
    const answer = object({ cluster: string, revoked: boolean })
    await hub.post(`api/v1/clusters/${encodeURIComponent(name)}/revoke`, {}, answer)
    io.out(
      `revoked: the agent of ${name} is disconnected and cannot return. 'watch-hub cluster token ${name}' lets one join again.`,
    )
  },
})

export const cluster: Group = {
  name: 'cluster',
  about: 'clusters and their agents: list, token, revoke',
  commands: [list, token, revoke],
}
