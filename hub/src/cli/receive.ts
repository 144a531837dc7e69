/** `watch-hub receive`: an endpoint to try things with. Prints what arrives, verifies its signatures, and fails on command. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { describeError } from '@watch-hub/shared/runtime/log'
import { type SigningKey, signingKey } from '../delivery/signature.ts'
import { command } from './command.ts'
import { defaulted, onOff, optional, output, several, UsageError } from './flags.ts'
import type { CliIo } from './io.ts'
import { clockTime, inOneLine } from './output.ts'
import { type Received, startReceiver, type Verdict } from './receiver.ts'
import { port, share, text, whole } from './values.ts'

export interface Failures {
  readonly status: number | undefined
  readonly rate: number | undefined
  readonly first: number | undefined
}

/** Which requests fail, and how. A status alone fails all of them. */
export function failing(
  { status, rate, first }: Failures,
  random: () => number = Math.random,
): (request: number) => number | undefined {
  const answer = status ?? 503
  const always = status !== undefined && rate === undefined && first === undefined
  return (request) => (always || request <= (first ?? 0) || random() < (rate ?? 0) ? answer : undefined)
}

export const receive = command({
  name: 'receive',
  about: 'an endpoint for trying things out: prints deliveries, one line per event',
  flags: {
    port: defaulted('-p, --port <port>', { about: 'where to listen; 0 = any free port', fallback: '9000', parse: port }),
    host: defaulted('--host <address>', { about: 'address to listen on', fallback: '127.0.0.1', parse: text }),
    failStatus: optional('--fail-status <status>', { about: 'answer this; alone: to every request', parse: whole(300, 599) }),
    failRate: optional('--fail-rate <share>', { about: 'fail this share of the requests, 0 to 1', parse: share }),
    failFirst: optional('--fail-first <count>', { about: 'fail the first requests', parse: whole(0, 1_000_000_000) }),
    secret: several('--secret <secret...>', {
      about: 'verify signatures by these signing secrets, each a file or whsec_…; what does not verify is refused with 401',
      parse: text,
    }),
    stale: onOff('--show-stale', { about: 'print repeated and overtaken events too, marked' }),
    output: output('json'),
  },
  notes:
    'Point an Endpoint at http://127.0.0.1:9000/ANY/PATH. The hub reaches loopback addresses only with --allow-egress 127.0.0.0/8.',
  run: async (io, { port, host, failStatus, failRate, failFirst, secret, stale, output }) => {
    if (host === '') throw new UsageError('--host: expected an address')
    const keys = await Promise.all(secret.map(readKey))
    const count = { requests: 0, events: 0 }
    const onVerdict = (verdict: Verdict) => {
      if (verdict.why !== undefined) count.requests++
      const print = output === 'json' ? io.err : io.out
      print(verdictText(verdict, Date.now()))
    }
    await using receiver = await startReceiver({
      listen: { host, port },
      failing: failing({ status: failStatus, rate: failRate, first: failFirst }),
      onReceived: (received) => {
        count.requests++
        count.events += received.kind === 'accepted' ? received.items.length : 0
        if (output === 'json') printJson(io, received, stale)
        else for (const line of receivedText(received, Date.now(), stale)) io.out(line)
      },
      ...(keys.length > 0 && { verify: { keys, onVerdict } }),
    })
    io.err(`listening on ${receiver.url}, until Ctrl-C`)
    if (!io.signal.aborted) await once(io.signal, 'abort')
    io.err(`received ${count.events} events in ${count.requests} requests`)
  },
})

async function readKey(secret: string): Promise<SigningKey> {
  const key = signingKey(secret.startsWith('whsec_') ? secret : await readSecret(secret))
  if (typeof key === 'string') throw new UsageError(`--secret: ${key}`)
  return key
}

async function readSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '')
  } catch (error) {
    throw new UsageError(`--secret: expected a file with a signing secret, or whsec_…: ${describeError(error)}`)
  }
}

/** `2026-11-23T18:00:00.000Z  /hooks  b-1: the signature is valid` */
export function verdictText({ path, id, why }: Verdict, now: number): string {
  const verdict = why === undefined ? 'the signature is valid' : `refused with 401: ${why}`
  return [clockTime(now), path, `${id ?? 'without webhook-id'}: ${verdict}`].map(inOneLine).join('  ')
}

/** Standard output holds the items and nothing else. */
function printJson(io: CliIo, received: Received, showStale: boolean): void {
  if (received.kind !== 'accepted') for (const line of receivedText(received, Date.now(), showStale)) io.err(line)
  else for (const { item, stale } of received.items) if (showStale || !stale) io.out(JSON.stringify(item))
}

/** `2026-11-23T18:00:00.000Z  dns  created (initial)  prod-eu-1  Service web/shop` */
export function receivedText(received: Received, now: number, showStale: boolean): readonly string[] {
  const time = clockTime(now)
  switch (received.kind) {
    case 'failed':
      return [`${time}  ${inOneLine(received.path)}  failed with ${received.status}, as told`]
    case 'not-understood':
      return [`${time}  ${inOneLine(received.path)}  refused with 400: ${inOneLine(received.why)}`]
    case 'accepted':
      return received.items
        .filter(({ stale }) => showStale || !stale)
        .map(({ type, reason, cluster, kind, name, stale, baseHeld }) => {
          const what = reason === undefined ? type : `${type} (${reason})`
          const known = stale ? 'known already, ignored' : baseHeld === false ? 'a patch of what did not come here' : ''
          return [time, received.endpoint, what, cluster, `${kind} ${name}`, known].map(inOneLine).join('  ').trimEnd()
        })
  }
}
