/** What happens in the demo's clusters by itself: a round of small changes, again and again, that ends where it began. */
import type { Cluster } from '../support/cluster.ts'
import { collectionPath, type Json } from '../support/kube-client.ts'
import { deployment, node, service } from '../support/objects.ts'

export interface Happening {
  readonly cluster: 'prod' | 'stage'
  readonly what: string
  readonly run: (cluster: Cluster) => Promise<unknown>
}

/** `address` is from a range that is reserved for documentation. */
const setAddress = async ({ client }: Cluster, name: string, address: string): Promise<void> => {
  const path = `${collectionPath('services', 'web')}/${name}/status`
  const status: Json = { loadBalancer: { ingress: [{ ip: address }] } }
  const answer = await client.call('PATCH', path, { status })
  if (answer.status >= 300) throw new Error(`PATCH ${path}: expected a success, got ${answer.status}`)
}

const scale = (name: string, replicas: number): Pick<Happening, 'what' | 'run'> => ({
  what: `Deployment team-web/${name} is scaled to ${replicas}`,
  run: ({ client }) => client.patch({ resource: 'deployments.apps', namespace: 'team-web', name }, { spec: { replicas } }),
})

const worker = (name: string) => node(name, { 'node.kubernetes.io/instance-type': 'metal-large' })

/** What is there from the beginning. */
export async function populate(cluster: Cluster): Promise<void> {
  const { client, name } = cluster
  for (const namespace of ['web', 'team-web']) await client.ensureNamespace(namespace)
  await client.create('nodes', worker(`${name}-worker-1`))
  await client.create('services', service('front', { namespace: 'web', port: 443 }))
  await setAddress(cluster, 'front', name.startsWith('prod') ? '203.0.113.10' : '198.51.100.10')
  await client.create('deployments.apps', deployment('checkout', { namespace: 'team-web', replicas: 2 }))
}

export function round(number: number): readonly Happening[] {
  const shop = `shop-${number}`
  const newNode = `prod-eu-1-worker-${number + 1}`
  const address = (last: number) => `203.0.113.${20 + ((number * 2 + last) % 200)}`
  return [
    {
      cluster: 'prod',
      what: `Service web/${shop} is created, without an address yet`,
      run: ({ client }) => client.create('services', service(shop, { namespace: 'web' })),
    },
    {
      cluster: 'prod',
      what: `Service web/${shop} gets the address ${address(0)}`,
      run: (cluster) => setAddress(cluster, shop, address(0)),
    },
    { cluster: 'stage', ...scale('checkout', 3 + (number % 3)) },
    {
      cluster: 'prod',
      what: `Service web/${shop} moves to ${address(1)}`,
      run: (cluster) => setAddress(cluster, shop, address(1)),
    },
    {
      cluster: 'prod',
      what: `Node ${newNode} joins`,
      run: ({ client }) => client.create('nodes', worker(newNode)),
    },
    {
      cluster: 'stage',
      what: 'Service web/front changes a label',
      run: ({ client }) =>
        client.patch({ resource: 'services', namespace: 'web', name: 'front' }, { metadata: { labels: { round: `${number}` } } }),
    },
    { cluster: 'prod', ...scale('checkout', 2 + (number % 2)) },
    {
      cluster: 'prod',
      what: `Service web/${shop} is deleted`,
      run: ({ client }) => client.delete({ resource: 'services', namespace: 'web', name: shop }),
    },
    {
      cluster: 'prod',
      what: `Node ${newNode} leaves`,
      run: ({ client }) => client.delete({ resource: 'nodes', name: newNode }),
    },
  ]
}
