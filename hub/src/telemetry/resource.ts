/** Who speaks: the resources of spans and metrics. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are read by the library and win. */
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources'

export interface HubIdentity {
  /** Release of the hub. */
  readonly version: string
  /** Identity of the hub's data: the same over restarts, another one for another database. */
  readonly instance: string
}

export const hubResource = ({ version, instance }: HubIdentity): Resource =>
  defaultResource()
    .merge(
      resourceFromAttributes({
        'service.name': 'watch-hub',
        'service.version': version,
        'service.instance.id': instance,
      }),
    )
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }))

/** Of an agent, which has no SDK: the hub makes its spans. `uid`: of the cluster's namespace kube-system. */
export const agentResource = ({ cluster, uid }: { readonly cluster: string; readonly uid: string }): Resource =>
  resourceFromAttributes({ 'service.name': 'watch-hub-agent', 'k8s.cluster.name': cluster, 'k8s.cluster.uid': uid })
