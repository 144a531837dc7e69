/** Who this hub is to whoever collects what it tells of itself. Sole importer of the OpenTelemetry resources. */
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
  /** `Store.hubId`: the same over restarts, another one for another database. */
  readonly instance: string
}

/** What OTEL_RESOURCE_ATTRIBUTES says counts more than what the hub knows, and OTEL_SERVICE_NAME more than both. */
export function hubResource({ version, instance }: HubIdentity): Resource {
  const own = resourceFromAttributes({
    'service.name': 'watch-hub',
    'service.version': version,
    'service.instance.id': instance,
  })
  const said = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })
  return defaultResource().merge(own).merge(said)
}
