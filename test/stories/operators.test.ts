/** What operators do with an endpoint: look at it, try it, hold it for a while; with real programs and the commands that people type. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setDeliveryStage } from '../support/delivery-stage.ts'
import { manifest } from '../support/manifest.ts'
import { configMap } from '../support/objects.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWorld } from '../support/world.ts'

const secrets = { 'out/token': 'a-token-that-nobody-sees', 'out/signing': 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }
const credentials = { auth: { bearer: { secret: 'out/token' } }, signing: { secrets: [{ secret: 'out/signing' }] } }
const quick = { batch: { maxWait: '0s' } }

test('an endpoint that is paused can be tried out: the sample has auth and signature, what waits goes on waiting, and no secret is shown', {
  timeout: 120_000,
}, async () => {
  await using on = await setDeliveryStage({ endpoint: { ...quick, ...credentials }, secrets })
  const { world, simulator, receiver } = on
  const paused = await world.cli('endpoint', 'pause', 'out', '--for', '1h', '--reason', 'new certificates')
  assert.deepEqual([paused.code, /and by itself in 1h/.test(paused.output)], [0, true], paused.output)
  simulator.create('configmaps', configMap('waits', { rev: '1' }))
  await world.status(({ endpoints: [out] }) => out?.phase === 'paused' && out.backlog === 1, 'the event that waits')
  assert.match((await world.cli('status')).output, /held by .*: new certificates/)
  assert.match((await world.cli('endpoint', 'show', 'out')).output, /^Held +by .+ for .+, 59m.* left: new certificates$/m)

  receiver.answerWith(({ headers }) => ({ body: `you said ${headers.authorization}` }))
  const tried = await world.cli('endpoint', 'test', 'out')
  assert.equal(tried.code, 0, tried.output)
  assert.match(tried.output, /^Answer +200, after .+\nMeaning +accepted\n\nyou said Bearer \*\*\*$/m)
  const [sample] = receiver.requests
  assert.equal(receiver.requests.length, 1)
  assert.deepEqual(
    [sample?.headers['webhook-test'], sample?.headers.authorization, /^v1,/.test(String(sample?.headers['webhook-signature']))],
    ['true', `Bearer ${secrets['out/token']}`, true],
  )
  assert.deepEqual(
    sample?.items.map(({ type, reason, cluster }) => [type, reason, cluster]),
    [['created', 'test', 'watch-hub.test']],
  )

  receiver.answerWith(({ headers }) => ({ status: 422, body: `no: ${headers.authorization}` }))
  const refused = await world.cli('endpoint', 'test', 'out', '-o', 'json')
  assert.equal(refused.code, 1)
  const { outcome, status, answer } = JSON.parse(refused.output)
  assert.deepEqual([outcome, status, answer], ['refused', 422, 'no: Bearer ***'])
  for (const { output } of [tried, refused]) assert.ok(!output.includes(secrets['out/token']))

  receiver.answerWith(() => ({}))
  assert.equal((await world.cli('endpoint', 'resume', 'out')).code, 0)
  await receiver.waitFor(({ names }) => names.includes('default/waits'), 'what waited')
})

test('a pause with an end is over by itself, also when the hub was restarted meanwhile', { timeout: 120_000 }, async () => {
  await using on = await setDeliveryStage({ endpoint: quick })
  const { world, simulator, receiver } = on
  assert.equal((await world.cli('endpoint', 'pause', 'out', '--for', '6s')).code, 0)
  simulator.create('configmaps', configMap('waits', { rev: '1' }))
  await world.status(({ endpoints: [out] }) => out?.phase === 'paused' && out.backlog === 1, 'the event that waits')
  assert.equal(await world.hub().end('SIGTERM'), 0)
  await world.startHub()
  await receiver.waitFor(({ names }) => names.includes('default/waits'), 'the end of the pause', 20_000)
  const { output } = await world.cli('endpoint', 'show', 'out')
  assert.doesNotMatch(output, /^Held/m)
})

test('what goes wrong is told by show, attempts, status and metrics, and what goes well too', { timeout: 120_000 }, async () => {
  await using on = await setDeliveryStage({ endpoint: quick })
  const { world, simulator, receiver } = on
  receiver.answerWith(() => ({ status: 503, body: 'on holiday' }))
  simulator.create('configmaps', configMap('late', { rev: '1' }))
  await world.status(({ text }) => text.includes('"state": "open"'), 'the open breaker')
  const shown = await world.cli('endpoint', 'show', 'out')
  assert.match(shown.output, /^Breaker +OPEN: nothing is sent.*503/m)
  assert.match(shown.output, /^Backlog +1 event, the oldest for /m)
  await eventuallyOutput(() => world.cli('endpoint', 'show', 'out'), /^LAST ERRORS .*\n.*http_5xx .*on holiday/m)
  assert.match(await metricsOf(world.url), /^watch_hub_breaker\{endpoint="out",state="open"\} 1$/m)

  receiver.answerWith(() => ({}))
  await receiver.waitFor(({ names }) => names.includes('default/late'), 'what waited', 30_000)
  await eventuallyOutput(() => world.cli('endpoint', 'attempts', 'out'), /ago +accepted +200 +1 /)
  const failed = JSON.parse((await world.cli('endpoint', 'attempts', 'out', '--failed', '-o', 'json')).output)
  assert.ok(failed.length > 0)
  for (const each of failed) assert.deepEqual([each.outcome, each.status, each.answer], ['http_5xx', 503, 'on holiday'])
  const metrics = await metricsOf(world.url)
  assert.match(metrics, /^watch_hub_attempts_total\{endpoint="out",outcome="http_5xx"\} \d+$/m)
  assert.match(metrics, /^watch_hub_attempts_total\{endpoint="out",outcome="accepted"\} 1$/m)
  assert.match(metrics, /^watch_hub_breaker\{endpoint="out",state="closed"\} 1$/m)
})

test('where deliveries may go is for the operator to say: closed ranges, and the room of dead letters, by flags of serve', {
  timeout: 60_000,
}, async () => {
  await using scope = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'watch-hub-story-'))
  scope.defer(() => rm(dir, { recursive: true, force: true }))
  const repo = join(dir, 'config')
  await Promise.all([mkdir(repo), mkdir(join(dir, 'secrets'))])
  const receiver = scope.use(await startReceiver())
  await writeFile(join(repo, 'out.yaml'), manifest('Endpoint', 'out', { url: receiver.url }))
  const args = ['--deny-egress', '127.0.0.1/32', '--dead-letter-limit', '1Mi', '--dead-letter-retention', '7d']
  const world = scope.use(await startWorld({ dir, repo, secretsDir: join(dir, 'secrets'), hub: { args } }))
  await world.status(({ endpoints }) => endpoints.length === 1, 'the endpoint')
  const { code, output } = await world.cli('endpoint', 'test', 'out')
  assert.equal(code, 1)
  assert.match(output, /^Meaning +BLOCKED/m)
  assert.match(output, /^Reason .*127\.0\.0\.1.*--deny-egress/m)
  assert.equal(receiver.requests.length, 0)
  assert.match(await metricsOf(world.url), /^watch_hub_dead_letter_limit_bytes 1048576$/m)
})

const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text()

/** Attempts reach the store a moment after they were made. */
async function eventuallyOutput(ask: () => Promise<{ readonly output: string }>, wanted: RegExp): Promise<void> {
  const until = performance.now() + 10_000
  for (;;) {
    const { output } = await ask()
    if (wanted.test(output)) return
    if (performance.now() > until) assert.match(output, wanted)
  }
}
