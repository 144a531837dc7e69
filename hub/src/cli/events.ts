/** `watch-hub events`: the hub's log, newest rows last; what each endpoint is told of them. */
import { resourceName } from '@watch-hub/shared/protocol/plan'
import { isAbort } from '@watch-hub/shared/runtime/task'
import { paddedSequence } from '../delivery/formats/format.ts'
import { decodeEvent, type EventLine } from '../http/event-line.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { defaulted, onOff, optional, output } from './flags.ts'
import { connectHub, type HubClient } from './hub-client.ts'
import type { CliIo } from './io.ts'
import { clockTime, inOneLine } from './output.ts'
import { text, whole } from './values.ts'

const only = (spelled: string, about: string) => optional(spelled, { about, parse: text })

export const events = command({
  name: 'events',
  about: 'what was reported, and what endpoints are told of it',
  flags: {
    follow: onOff('-f, --follow', { about: 'go on with what comes, until Ctrl-C' }),
    cluster: only('--cluster <name>', 'only of this cluster'),
    watch: only('--watch <name>', 'only what this watch matches'),
    endpoint: only('--endpoint <name>', 'only what this endpoint is told'),
    resource: only('--resource <kind>', 'only of this kind: services, deployments.apps'),
    limit: defaulted('--limit <count>', { about: 'how many of the past', fallback: '20', parse: whole(0, 10_000) }),
    output: output('json'),
    ...hubFlags,
  },
  run: async (io, { follow, cluster, watch, endpoint, resource, limit, output, ...where }) => {
    const query = new URLSearchParams({ follow: String(follow), limit: String(limit) })
    for (const [name, value] of Object.entries({ cluster, watch, endpoint, resource }))
      if (value !== undefined) query.set(name, value)
    const hub = await connectHub(io, where)
    await print(io, hub.lines(`api/v1/events?${query}`), output === 'json')
    if (follow && !io.signal.aborted)
      throw new Error(`the hub at ${hub.url} ended the stream: it stops, or this reader was too slow`)
  },
})

async function print(io: CliIo, lines: ReturnType<HubClient['lines']>, raw: boolean): Promise<void> {
  try {
    for await (const line of lines) {
      const event = decodeEvent(line)
      io.out(raw ? line : eventText(event))
    }
  } catch (error) {
    if (!isAbort(error, io.signal)) throw error
  }
}

const foundBy: Readonly<Record<EventLine['cause'], string>> = {
  live: '',
  list: ' (found by comparing)',
  audit: ' (found by audit)',
}

/** `2026-11-23T18:00:00.000Z  00001795450401978123  prod-eu-1  modified  services web/shop  dns:updated audit:created(in-scope)` */
export function eventText({ sequence, appendedAt, cluster, change, cause, resource, routes, matches }: EventLine): string {
  const name = resource.namespace === '' ? resource.name : `${resource.namespace}/${resource.name}`
  const told = routes.map(({ endpoint, type, reason }) => `${endpoint}:${type}${reason === undefined ? '' : `(${reason})`}`)
  const nobody = matches.length === 0 ? 'matches no watch' : `matches ${matches.join(',')}, told to nobody`
  const how = `${change}${foundBy[cause]}`
  return inOneLine(
    [
      clockTime(appendedAt),
      paddedSequence(sequence),
      cluster,
      how,
      `${resourceName(resource)} ${name}`,
      told.length === 0 ? nobody : told.join(' '),
    ].join('\u0000'),
  ).replaceAll('\u0000', '  ')
}
