/**
 * The manifests of an agent, filled in: what `deploy/cluster-agent` holds, with the hub, the name and the token of one cluster.
 * The files themselves are read, so what is printed is what is in the repo; only the settings are put in, and Secrets added.
 */
import { readFile } from 'node:fs/promises'

const base = new URL('../../../deploy/cluster-agent/', import.meta.url)

export interface AgentOf {
  readonly cluster: string
  readonly token: string
  /** URL that the agent is to use. */
  readonly hub: string
  /** PEM of the CA of that URL's certificate. */
  readonly ca?: string
}

/** YAML documents for `kubectl apply -f -`. */
export async function agentManifests(of: AgentOf): Promise<string> {
  const index = await read('kustomization.yaml')
  const names = [...index.matchAll(/^ {2}- (\S+\.yaml)$/gm)].map(([, name = '']) => name)
  const files = await Promise.all(names.map(read))
  const documents = files.map((text, i) => (names[i] === 'configmap.yaml' ? fillIn(text, of) : text))
  const extra = [secret(of), ...(of.ca === undefined ? [] : [caConfigMap(of.ca)])]
  return [...documents, ...extra].map((text) => text.trim()).join('\n---\n')
}

async function read(name: string): Promise<string> {
  try {
    return await readFile(new URL(name, base), 'utf8')
  } catch (cause) {
    throw new Error('cannot read the manifests of the agent, which belong beside the hub', { cause })
  }
}

/** Any JSON text is YAML too, and needs no further quoting. */
const scalar = (text: string): string => JSON.stringify(text)

function fillIn(configMap: string, { hub, cluster, ca }: AgentOf): string {
  const url = replaceOnce(configMap, /^ {2}WATCH_HUB_URL: .*$/m, `  WATCH_HUB_URL: ${scalar(hub)}`)
  const named = replaceOnce(url, /^ {2}WATCH_HUB_CLUSTER: .*$/m, `  WATCH_HUB_CLUSTER: ${scalar(cluster)}`)
  return ca === undefined ? named : `${named.trimEnd()}\n  WATCH_HUB_CA: /ca/ca.crt\n`
}

function replaceOnce(text: string, line: RegExp, by: string): string {
  if (!line.test(text)) throw new Error(`expected a line like ${line.source} in deploy/cluster-agent/configmap.yaml`)
  return text.replace(line, () => by)
}

const secret = ({ token }: AgentOf): string => `# Works once; may go when the agent has joined.
apiVersion: v1
kind: Secret
metadata:
  name: watch-hub-join
  namespace: watch-hub
  labels:
    app.kubernetes.io/name: watch-hub-agent
    app.kubernetes.io/part-of: watch-hub
type: Opaque
stringData:
  token: ${scalar(token)}`

const caConfigMap = (ca: string): string => `apiVersion: v1
kind: ConfigMap
metadata:
  name: watch-hub-ca
  namespace: watch-hub
  labels:
    app.kubernetes.io/name: watch-hub-agent
    app.kubernetes.io/part-of: watch-hub
data:
  ca.crt: ${scalar(ca)}`
