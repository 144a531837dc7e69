/** What hub/docs/receivers.md says, held against what the hub does. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseYaml } from '@watch-hub/hub/config/yaml'
import { contextText } from '@watch-hub/hub/delivery/contexts'
import { cloudevents } from '@watch-hub/hub/delivery/formats/cloudevents'
import type { Item } from '@watch-hub/hub/delivery/formats/format'
import { watchHub } from '@watch-hub/hub/delivery/formats/watch-hub'
import { logRow } from '@watch-hub/hub/delivery/testing/rows'
import { checkBody, compileBody } from '@watch-hub/shared/pipeline/cel-body'
import { isRecord, literal, object, optional, string } from '@watch-hub/shared/protocol/decode'

const page = readFileSync(new URL('../hub/docs/receivers.md', import.meta.url), 'utf8')
const fenced = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text)

const context = contextText({ cluster: { name: 'c', uid: 'cu', labels: {}, metadata: {} }, watches: { w: {} } })
const envelope = { id: 'b', endpoint: 'e', createdAt: 0, metadata: {}, source: '' }
const row = logRow({ sequence: 1, uid: 'u', name: 'shop', namespace: 'web' })
const item: Item = { row, member: { sequence: 1, type: 'created', reason: 'initial', watches: ['w'] }, context }
const payloadOf = (format: typeof watchHub) => {
  const { body } = format.request(envelope, [format.item(item, envelope)])
  return [body].flat().join('')
}

const manifest = object({ format: optional(literal('watch-hub', 'watch-proxy')), body: string })

test('the page names every field of a payload', () => {
  const payload: unknown = JSON.parse(payloadOf(watchHub))
  const event: unknown = JSON.parse(payloadOf(cloudevents))
  assert.ok(isRecord(payload) && isRecord(event) && isRecord(event.data) && Array.isArray(payload.items))
  const names = [payload, payload.items[0], event, event.data].flatMap((each) => Object.keys(each))
  const unnamed = new Set(names.filter((name) => !page.includes(`\`${name}\``) && !page.includes(`\`items[].${name}\``)))
  for (const said of ['specversion', 'datacontenttype', 'data']) unnamed.delete(said) // of CloudEvents as such
  assert.deepEqual([...unnamed], [])
})

test('the bodies on the page can be made, and make what the page says', () => {
  const bodies = fenced('yaml').map((text) => {
    const { format = 'watch-hub', body } = manifest.decode(parseYaml(text).documents[0]?.value)
    assert.equal(checkBody(body, format), undefined)
    return body
  })
  const [chat = '', orchestrator = ''] = bodies
  assert.equal(bodies.length, 2)
  assert.equal(compileBody(chat)(payloadOf(watchHub)), '{"text":"created web/shop"}')
  assert.equal(
    compileBody(orchestrator)('{"data":[]}'),
    '{"parameters":[{"value":{"string":{"value":"{\\"data\\":[]}"}},"type":"string","name":"input"}]}',
  )
})

test('five languages are shown how to verify a signature', () => {
  assert.deepEqual(
    ['js', 'python', 'go', 'ruby', 'php'].map((language) => fenced(language).length),
    [1, 1, 1, 1, 1],
  )
})
