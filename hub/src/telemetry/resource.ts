/** Who speaks: the resources of spans and metrics. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` are read by the library and win. */
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources'

/** `instance`: identity of the hub's data. */
export const hubResource = ({ version, instance }: { readonly version: string; readonly instance: string }): Resource =>
  resourceFromAttributes({
    'service.name': 'watch-hub',
    'service.version': version,
    'service.instance.id': instance,
  }).merge(detectResources({ detectors: [envDetector] }))

/** Of an agent, which has no SDK: the hub makes its spans. `uid`: of the cluster's namespace kube-system. */
export const agentResource = ({ cluster, uid }: { readonly cluster: string; readonly uid: string }): Resource =>
  resourceFromAttributes({ 'service.name': 'watch-hub-agent', 'k8s.cluster.name': cluster, 'k8s.cluster.uid': uid })
