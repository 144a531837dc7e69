/** `spec` of an Endpoint. Every field of the design is here; `compile` refuses those that this version cannot do yet. */
import { endpointDefaults as defaults } from '../defaults.ts'
import { shown } from '../place.ts'
import { formatDuration } from '../units.ts'
import { clusterChoice } from './cluster.ts'
import { duration, glob, metadata, resource, secretRef, size } from './scalars.ts'
import {
  either,
  fields,
  flag,
  listOf,
  mapOf,
  oneOf,
  optional,
  plainText,
  Refused,
  reading,
  type Schema,
  text,
  whole,
} from './zod.ts'

const minute = 60_000
const hour = 60 * minute

const url = reading(
  text('an absolute http or https URL', /^https?:\/\/[^\s]+$/i, {
    description: 'Absolute http or https URL that batches are posted to, without credentials.',
    examples: ['https://dns.example.com/hooks/kubernetes'],
  }),
  (value) => {
    const parsed = URL.parse(value)
    if (parsed === null) throw new Refused(`expected an absolute http or https URL, got ${shown(value)}`)
    if (parsed.username !== '' || parsed.password !== '')
      throw new Refused('expected a URL without credentials (use auth with references), got one with a user name or password')
    if (parsed.hash !== '') throw new Refused(`expected a URL without a fragment, got ${shown(value)}`)
    return value
  },
)

const credential = (what: string) => secretRef({ description: `${what}: a reference, never the value itself.` })

const authFields = fields(
  {
    basic: optional(
      fields(
        { username: credential('The user name'), password: credential('The password') },
        { description: 'HTTP basic authentication.' },
      ),
    ),
    bearer: optional(credential('The token of `Authorization: Bearer`')),
    oauth2: optional(
      fields(
        {
          tokenUrl: plainText({ description: 'Where tokens come from.' }),
          clientId: either(plainText({ description: 'The id.' }), credential('The id'), 'a text or a reference', {
            description: 'The client.',
          }),
          clientSecret: credential('The secret of the client'),
          scopes: optional(listOf(plainText({ description: 'A scope.' }), { description: 'Scopes to ask for.' })),
        },
        { description: 'OAuth 2 client credentials. Not supported yet.' },
      ),
    ),
  },
  { description: 'How to authenticate: exactly one of the ways.' },
)

const auth = reading(authFields, (value) => {
  const ways = Object.keys(value)
  if (ways.length !== 1) throw new Refused(`expected exactly one of basic, bearer, oauth2, got ${ways.join(' and ') || 'none'}`)
  return value
})

const tls = fields(
  {
    ca: optional(credential('The certificates to trust')),
    certificate: optional(credential('The client certificate')),
    key: optional(credential('The key of the client certificate')),
  },
  { description: 'Own certificates. Not supported yet.' },
)

const batch = fields(
  {
    maxObjects: optional(whole(1, 10_000, { description: 'Events of one request.', default: defaults.batch.maxObjects })),
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
      description: 'How a request looks. The cloudevents formats are not supported yet.',
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
  signing: optional(
    fields(
      { secrets: listOf(credential('A signing secret'), { description: 'Several = rotation.', nonEmpty: true }) },
      { description: 'Standard Webhooks signatures. Not supported yet.' },
    ),
  ),
  batch: optional(batch),
  rateLimit: optional(
    fields(
      {
        requests: whole(1, 1_000_000, { description: 'Requests …' }),
        per: duration(1, 24 * hour, { description: '… in this time.' }),
      },
      { description: 'Not supported yet.' },
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
            description: 'How long an event is tried before it becomes a dead letter. Only the default is supported yet.',
            default: formatDuration(defaults.retry.maxAge),
          }),
        ),
      },
      { description: 'When to give up.' },
    ),
  ),
  concurrency: optional(
    whole(1, 64, { description: 'Batches in flight. Only 1 is supported yet.', default: defaults.concurrency }),
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
        'true: `updated` carries only what changed, as a merge patch, wherever the endpoint surely holds what it applies to. Not with format: watch-proxy.',
      default: defaults.delta,
    }),
  ),
  unwatched: optional(
    oneOf(['keep', 'delete'], {
      description: 'When a commit stops watching objects: keep = say nothing; delete = report them deleted (not supported yet).',
      default: 'keep',
    }),
  ),
  guard: optional(
    fields(
      { removals: whole(1, 1_000_000_000, { description: 'Deletions of one commit.' }) },
      { description: 'A commit that would report more deletions holds the endpoint. Not supported yet.' },
    ),
  ),
  allow: optional(allow),
  body: optional(
    plainText({ description: 'CEL over `payload` for receivers that want other JSON. Not supported yet.', default: '' }),
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
