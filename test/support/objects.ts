/** Kubernetes objects for tests and the demo, small but shaped like real ones. */
import type { Json } from './kube-client.ts'

export interface ServiceOptions {
  readonly namespace?: string
  /** @default 'LoadBalancer' */
  readonly type?: 'LoadBalancer' | 'ClusterIP'
  readonly labels?: Readonly<Record<string, string>>
  readonly port?: number
}

export const service = (
  name: string,
  { namespace = 'default', type = 'LoadBalancer', labels = {}, port = 80 }: ServiceOptions = {},
): Json => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace, labels: { app: name, ...labels } },
  spec: { type, selector: { app: name }, ports: [{ name: 'http', port, protocol: 'TCP', targetPort: port }] },
})

export const configMap = (name: string, data: Readonly<Record<string, string>>, namespace = 'default'): Json => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
})

export const deployment = (
  name: string,
  { namespace = 'default', replicas = 1 }: { readonly namespace?: string; readonly replicas?: number } = {},
): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'example.com/app:1' }] } },
  },
})

export const node = (name: string, labels: Readonly<Record<string, string>> = {}): Json => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
  spec: {},
})
