/** The whole way out against a receiver that does its worst between two good moments: all is told in the end, in the order of each object. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endpointConfig } from '@watch-hub/hub/delivery/testing/rows'
import { clock } from '@watch-hub/hub/delivery/testing/sleeping'
import { startWorld } from '@watch-hub/hub/delivery/testing/world'
import { array, decodeJson, object, string } from '@watch-hub/shared/protocol/decode'
import {
  answer,
  askingToWait,
  chatter,
  closeInBody,
  echo,
  endlessHeaders,
  failing,
  hangUpAfterReading,
  hangUpBeforeReading,
  hastyAnswer,
  hugeAnswer,
  raw,
  redirect,
  resetAfterReading,
  resetInBody,
  silence,
  slowBody,
  slowHeaders,
} from '../support/hostile-receiver/hostilities.ts'
import { type Hostility, startHostileReceiver } from '../support/hostile-receiver/receiver.ts'

/** None of them accepts anything. 410 is missing: after it nothing is sent until somebody says so. */
const hostilities: readonly Hostility[] = [
  ...[400, 401, 403, 404, 405, 408, 409, 413, 415, 418, 422, 425, 429, 500, 501, 502, 503, 504, 599].map((status) =>
    answer(status),
  ),
  ...['0', '1', '-5', 'soon', 'Mon, 23 Nov 2020 12:00:30 GMT', 'Mon Nov 23 12:00:30 2020'].map((text) => askingToWait(503, text)),
  ...[301, 302, 303, 304, 307, 308].map((status) => redirect(status, 'http://127.0.0.1:9/')),
  ...[silence, slowHeaders, slowBody, chatter, endlessHeaders],
  ...[hangUpBeforeReading, hangUpAfterReading, resetAfterReading, resetInBody(200, '{"fail'), closeInBody(200, '')],
  ...[hastyAnswer(413), hugeAnswer(500, 10), echo(503), raw('220 mail.example ESMTP\r\n', 'close')],
  ...[failing([{ id: 5 }]), hugeAnswer(200, 10, '{"failures":[')],
]

const payload = object({ items: array(object({ sequence: string, resource: object({ uid: string }) })) })
const itemsOf = (body: string) => decodeJson(payload, body).items

for (const { concurrency, maxObjects } of [
  { concurrency: 1, maxObjects: 5 },
  { concurrency: 4, maxObjects: 3 },
])
  test(`nothing is lost to a hostile receiver, with ${concurrency} requests in flight of up to ${maxObjects} objects`, async () => {
    await using receiver = await startHostileReceiver()
    await using world = await startWorld()
    const accepted = new Set<string>()
    const kindness: Hostility = async ({ read, response }) => {
      for (const { sequence } of itemsOf(await read())) accepted.add(sequence)
      response.end()
    }
    receiver.meet(...hostilities.flatMap((hostility) => [hostility, kindness]))
    receiver.otherwise(kindness)
    const batch = { maxObjects, maxBytes: 1024 * 1024, maxWaitMs: 0 }
    await world.commit({
      endpoints: [endpointConfig({ url: receiver.url, timeoutMs: 200, history: 'every', concurrency, batch })],
    })
    world.deliver({ ...clock(), random: () => 0 }) // the shortest delays, so that none grows beyond what this clock passes at once

    const happened: string[] = []
    for (let round = 0; round < 10; round++) {
      const changes = Array.from({ length: 40 }, (_, i) => ({ uid: `o${i}`, body: `{"round":${round}}` }))
      for (const { sequence } of await world.append(changes)) happened.push(String(sequence).padStart(20, '0'))
    }
    const all = () => happened.every((sequence) => accepted.has(sequence))
    await receiver.waitFor(({ left }) => left === 0 && all(), 'each change of every object, through every hostility', 60_000)

    const { letters } = await world.store.deadLetters({ endpoint: 'dns', limit: 10 })
    assert.deepEqual(letters, [])
    const told = new Map<string, string>()
    for (const { body } of receiver.heard)
      for (const { resource, sequence } of body === undefined ? [] : itemsOf(body)) {
        assert.ok(sequence >= (told.get(resource.uid) ?? ''), `${resource.uid} went back to ${sequence}`)
        told.set(resource.uid, sequence)
      }
  })
