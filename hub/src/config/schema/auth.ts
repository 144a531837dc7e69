/** How an endpoint knows the hub, and the hub the endpoint: URLs, credentials, certificates, signing. Every credential is a reference. */
import { shown } from '../place.ts'
import { secretRef } from './scalars.ts'
import { type About, fields, listOf, optional, plainText, Refused, reading, text } from './zod.ts'

/** `got`: how a URL that cannot be read is shown. */
export const httpUrl = (of: About, got: (value: string) => string = shown) =>
  reading(text('an absolute http or https URL', /^https?:\/\/[^\s]+$/i, of), (value) => {
    const parsed = URL.parse(value)
    if (parsed === null) throw new Refused(`expected an absolute http or https URL, got ${got(value)}`)
    if (parsed.username !== '' || parsed.password !== '')
      throw new Refused('expected a URL without credentials (use auth with references), got one with a user name or password')
    if (parsed.hash !== '') throw new Refused(`expected a URL without a fragment, got ${got(value)}`)
    return value
  })

export const credential = (what: string) => secretRef({ description: `${what}: a reference, never the value itself.` })

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
          tokenUrl: httpUrl(
            { description: 'Where tokens come from.', examples: ['https://login.example.com/token'] },
            () => 'a text',
          ),
          clientId: credential('The id of the client'),
          clientSecret: credential('The secret of the client'),
          scopes: optional(listOf(plainText({ description: 'A scope.' }), { description: 'Scopes to ask for.' })),
        },
        { description: 'OAuth 2.0 client credentials.' },
      ),
    ),
  },
  { description: 'How to authenticate: exactly one of the ways.' },
)

export const auth = reading(authFields, (value) => {
  const ways = Object.keys(value)
  if (ways.length !== 1) throw new Refused(`expected exactly one of basic, bearer, oauth2, got ${ways.join(' and ') || 'none'}`)
  return value
})

const tlsFields = fields(
  {
    ca: optional(credential('Certificates to trust besides those of the system, PEM')),
    certificate: optional(credential('The client certificate, with its chain, PEM')),
    key: optional(credential('The key of the client certificate, PEM')),
  },
  { description: 'Own certificates. `certificate` and `key` come together.' },
)

export const tls = reading(tlsFields, (value) => {
  const [there, missing] = value.key === undefined ? ['certificate', 'key'] : ['key', 'certificate']
  if ((value.certificate === undefined) !== (value.key === undefined))
    throw new Refused(`expected certificate and key together, got ${there} without ${missing}`)
  return value
})

export const signing = fields(
  {
    secrets: listOf(credential('A signing secret, whsec_…'), {
      description: 'Each request carries a signature by each of them: several = rotation.',
      nonEmpty: true,
    }),
  },
  { description: 'Signatures by Standard Webhooks.' },
)
