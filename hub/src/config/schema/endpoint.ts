/** `spec` of an Endpoint: what one field can say. What fields may not say together is `compile`'s. */
import { endpointDefaults as defaults } from '../defaults.ts'
import { formatDuration } from '../units.ts'
import { auth, credential, httpUrl, signing, tls } from './auth.ts'
import { clusterChoice } from './cluster.ts'
import { body, duration, glob, metadata, resource, size, statusOrClass } from './scalars.ts'
import { either, fields, flag, listOf, mapOf, oneOf, optional, plainText, type Schema, whole } from './zod.ts'

const minute = 60_000
const hour = 60 * minute

const url = httpUrl({
  description: 'Absolute http or https URL that batches are posted to, without credentials.',
  examples: ['https://dns.example.com/hooks/kubernetes'],
})

const batch = fields(
  {
    maxObjects: optional(
      whole(1, 10_000, {
        description: 'Events of one request. Always 1 with format: cloudevents and cloudevents-binary.',
        default: defaults.batch.maxObjects,
      }),
    ),
    maxBytes: optional(
      size(1, 64 * 1024 * 1024, { description: 'Size of one request; a single larger event goes alone.', default: '1Mi' }),
    ),
    maxWait: optional(
      duration(0, hour, {
        description: 'A batch is sent when it is full, or when its oldest event has waited this long. 0s = at once.',
        default: formatDuration(defaults.batch.maxWait),
      }),
    ),
  },
  { description: 'How many events go into one request.' },
)

const allow = fields(
  {
    clusters: optional(clusterChoice({ description: 'Clusters whose events may be sent here.' })),
    namespaces: optional(
      listOf(glob({ description: 'Name or glob.' }), {
        description: 'Namespaces whose objects may be sent here; globs.',
        nonEmpty: true,
      }),
    ),
    resources: optional(
      listOf(resource({ description: 'A kind.' }), { description: 'Kinds that may be sent here.', nonEmpty: true }),
    ),
  },
  { description: 'A fence around what watches send here, applied at every attempt. An absent part = all.' },
)

const shape = {
  format: optional(
    oneOf(['watch-hub', 'watch-proxy', 'cloudevents', 'cloudevents-binary', 'cloudevents-batch'], {
      description: 'How a request looks. cloudevents and cloudevents-binary have one event each.',
      default: defaults.format,
    }),
  ),
  auth: optional(auth),
  headers: optional(
    mapOf(
      either(plainText({ description: 'The value.' }), credential('The value'), 'a text or a reference', {
        description: 'Plain text, or a reference.',
      }),
      {
        description: 'Headers of every request. Credentials are references.',
        examples: [{ 'X-Api-Key': { secret: 'dns/key' } }],
      },
    ),
  ),
  tls: optional(tls),
  signing: optional(signing),
  batch: optional(batch),
  rateLimit: optional(
    fields(
      {
        requests: whole(1, 1_000_000, { description: 'Requests …' }),
        per: duration(1, 24 * hour, { description: '… in this time.' }),
      },
      { description: 'No more requests, first attempts or not, begin within any such time. Absent = as many as go.' },
    ),
  ),
  timeout: optional(
    duration(1, 10 * minute, { description: 'Of one attempt, answer included.', default: formatDuration(defaults.timeout) }),
  ),
  retry: optional(
    fields(
      {
        maxAge: optional(
          duration(1, 365 * 24 * hour, {
            description:
              'How long an object that alone keeps failing is tried, from its first attempt, before its event becomes a dead letter. An endpoint that fails on everything is waited for.',
            default: formatDuration(defaults.retry.maxAge),
          }),
        ),
      },
      { description: 'When to give up.' },
    ),
  ),
  outcomes: optional(
    mapOf(
      oneOf(['accepted', 'try-later', 'refused', 'gone', 'oversize'], {
        description:
          'accepted: everything was taken. try-later: the endpoint cannot now. refused: the events are to blame. gone: nobody is there any more. oversize: too large.',
      }),
      {
        description: 'What an answer means where it is not what is usual: by status, or by its class; the status wins.',
        examples: [{ 404: 'refused', '4xx': 'try-later' }],
        keys: statusOrClass,
      },
    ),
  ),
  concurrency: optional(
    whole(1, 64, { description: 'Requests in flight; never two with the same object.', default: defaults.concurrency }),
  ),
  history: optional(
    oneOf(['latest', 'every'], {
      description: 'latest: what waits is compacted to the newest state per object. every: each change that the watch showed.',
      default: defaults.history,
    }),
  ),
  delta: optional(
    flag({
      description:
        'true: `updated` carries only what changed, as a merge patch, wherever the endpoint surely holds what it applies to. Only with format: watch-hub.',
      default: defaults.delta,
    }),
  ),
  unwatched: optional(
    oneOf(['keep', 'delete'], {
      description: 'When a commit stops watching objects: keep = say nothing; delete = report them deleted, reason unwatched.',
      default: defaults.unwatched,
    }),
  ),
  guard: optional(
    fields(
      { removals: whole(1, 1_000_000_000, { description: 'Deletions of one commit.' }) },
      { description: 'A commit that would report more deletions holds the endpoint until `resume`. Needs unwatched: delete.' },
    ),
  ),
  allow: optional(allow),
  body: optional(
    body({
      description:
        'CEL over `payload`, for receivers that want other JSON than formats watch-hub and watch-proxy have; json(value) makes text of JSON. Empty = the payload as it is.',
      default: '',
      examples: ['{"ids": payload.items.map(item, item.resource.uid)}'],
    }),
  ),
  markers: optional(
    flag({
      description:
        'true: each scan is closed with a `synced` item per watch and cluster, by which a receiver finds what it holds beyond the truth. Not for watch-proxy.',
      default: false,
    }),
  ),
  attach: optional(metadata({ description: 'Metadata on every request.', examples: [{ owner: 'netops' }] })),
  paused: optional(flag({ description: 'true: nothing is sent; events wait.', default: false })),
} as const satisfies Readonly<Record<string, Schema>>

export const endpointSpec = fields({ url, ...shape }, { description: 'An HTTP endpoint that is told of events.' })
/** All but the URL. */
export const endpointFields = fields(shape, {
  description: 'What endpoints have where their manifest says nothing. Lists replace, maps merge.',
})
