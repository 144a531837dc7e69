import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { agentManifests } from './agent-manifests.ts'

const of = { cluster: 'prod-eu-1', token: 'whj_abc', hub: 'https://hub.example.com:8443' }

async function manifests(text: Promise<string>) {
  return parseAllDocuments(await text).map((document) => {
    assert.deepEqual(document.errors, [])
    const value: { kind: string; metadata: { name: string }; data?: unknown; stringData?: unknown } = document.toJS()
    return value
  })
}

test('the manifests are those of deploy/cluster-agent, in its order, and the join token', async () => {
  const names = (await manifests(agentManifests(of))).map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  assert.equal(names[0], 'Namespace watch-hub')
  assert.equal(names.at(-1), 'Secret watch-hub-join')
  for (const name of [
    'ServiceAccount watch-hub-agent',
    'ClusterRole watch-hub-agent',
    'ConfigMap watch-hub-agent',
    'Deployment watch-hub-agent',
  ])
    assert.ok(names.includes(name), name)
})

test('hub, cluster and token are filled in where the base has its examples', async () => {
  const found = await manifests(agentManifests(of))
  const configMap = found.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'watch-hub-agent')
  assert.deepEqual(configMap?.data, { WATCH_HUB_URL: 'https://hub.example.com:8443', WATCH_HUB_CLUSTER: 'prod-eu-1' })
  assert.deepEqual(found.at(-1)?.stringData, { token: 'whj_abc' })
})

test('a private CA comes along, and the agent is told where it is', async () => {
  const ca = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
  const found = await manifests(agentManifests({ ...of, ca }))
  const data = (name: string) => found.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)?.data
  assert.deepEqual(data('watch-hub-ca'), { 'ca.crt': ca })
  assert.deepEqual(data('watch-hub-agent'), { WATCH_HUB_URL: of.hub, WATCH_HUB_CLUSTER: of.cluster, WATCH_HUB_CA: '/ca/ca.crt' })
})

test('a value cannot break out of its place', async () => {
  const odd = 'x"\n  EVIL: $& $1'
  const found = await manifests(agentManifests({ ...of, hub: odd, token: odd }))
  assert.deepEqual(found.find(({ kind }) => kind === 'ConfigMap')?.data, { WATCH_HUB_URL: odd, WATCH_HUB_CLUSTER: 'prod-eu-1' })
})

test('nothing but the two settings differs from the base', async () => {
  const base = await readFile(new URL('../../../deploy/cluster-agent/deployment.yaml', import.meta.url), 'utf8')
  assert.ok((await agentManifests(of)).includes(base.trim()))
})
