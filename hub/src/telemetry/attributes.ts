/**
 * Names of span attributes. What has a name in the semantic conventions has that one (https://opentelemetry.io/docs/specs/semconv/, the version
 * in `schemaUrl`); `messaging.*` and `cloudevents.*` are still in development there, so they are written down here and nowhere else.
 * What they have no name for begins with `watch_hub`.
 */
export {
  ATTR_ERROR_TYPE as errorType,
  ATTR_HTTP_REQUEST_METHOD as requestMethod,
  ATTR_HTTP_REQUEST_RESEND_COUNT as resendCount,
  ATTR_HTTP_RESPONSE_STATUS_CODE as statusCode,
  ATTR_K8S_CLUSTER_NAME as clusterName,
  ATTR_K8S_CLUSTER_UID as clusterUid,
  ATTR_K8S_NAMESPACE_NAME as namespaceName,
  ATTR_SERVER_ADDRESS as serverAddress,
  ATTR_SERVER_PORT as serverPort,
  ATTR_URL_FULL as urlFull,
} from '@opentelemetry/semantic-conventions'

export const schemaUrl = 'https://opentelemetry.io/schemas/1.44.0'

export const messagingSystem = 'messaging.system'
export const operationName = 'messaging.operation.name'
export const operationType = 'messaging.operation.type'
export const destinationName = 'messaging.destination.name'
export const messageCount = 'messaging.batch.message_count'
export const messageId = 'messaging.message.id'
export const bodySize = 'messaging.message.body.size'
/** On an attempt a list, so that a search for an event finds each of its attempts. */
export const eventId = 'cloudevents.event_id'

/** `services/web/shop`, `nodes/worker-1`, `deployments.apps/web/shop` */
export const object = 'watch_hub.object'
export const objectUid = 'watch_hub.object.uid'
export const resourceVersion = 'watch_hub.object.resource_version'
/** created, updated, deleted: what an endpoint is told. */
export const eventType = 'watch_hub.event.type'
/** Why, where it is no live change: initial, recovered, … */
export const reason = 'watch_hub.reason'
/** added, modified, gone: what happened to the object. */
export const change = 'watch_hub.change'
/** live, list, audit: how the agent came to know. */
export const cause = 'watch_hub.cause'
/** The commit that made the cluster's plan; its trace has the first 32 digits of the commit as its id. */
export const commit = 'watch_hub.commit'
/** The watches that wanted the event. */
export const watches = 'watch_hub.watches'
export const endpoints = 'watch_hub.endpoints'
export const endpoint = 'watch_hub.endpoint'
/** RFC 3339: when the API server made the change, by its own clock and in whole seconds. */
export const changedAt = 'watch_hub.changed_at'
export const frame = 'watch_hub.frame'
export const process = 'watch_hub.agent.process'
export const plan = 'watch_hub.plan'
export const streams = 'watch_hub.streams'
export const batch = 'watch_hub.batch'
/** 1 = the first one of this batch, as far as this courier knows. */
export const attempt = 'watch_hub.attempt'
export const outcome = 'watch_hub.outcome'
/** Events that the endpoint named while it took the others. */
export const untaken = 'watch_hub.untaken'
/** Events of the attempt, and how many of them are not linked because a span holds only so many links. */
export const linksTotal = 'watch_hub.links.total'
export const linksDropped = 'watch_hub.links.dropped'
export const problems = 'watch_hub.config.problems'
