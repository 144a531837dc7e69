import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, runProgram } from './command.ts'
import { defaulted, onOff, optional, output, required, several } from './flags.ts'
import { recordingIo } from './testing/recording-io.ts'
import { addressRange, duration, httpUrl, listenAddress, proxyUrl, share, text, whole } from './values.ts'

const flags = {
  every: defaulted('--every <duration>', { about: 'how often', env: 'WH_EVERY', fallback: '30s', parse: duration }),
  name: required('--name <name>', { about: 'a name', env: 'WH_NAME', parse: text }),
  also: several('--also <x...>', { about: 'more', env: 'WH_ALSO', parse: text }),
  loud: onOff('--loud', { about: 'louder', env: 'WH_LOUD' }),
  extra: optional('--extra <n>', { about: 'a number', parse: whole(1, 9) }),
  output: output('json'),
}

/** What `run` was called with, or what was said instead. */
async function call(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const calls: unknown[] = []
  const act = command({
    name: 'act',
    about: 'acts',
    args: [['<what>', 'the thing']],
    flags,
    run: async (_io, values, args) => {
      calls.push([values, args])
    },
  })
  const io = recordingIo({ env })
  await runProgram(
    { name: 'prog', about: 'a program', version: '1.2.3', commands: [act, { name: 'group', about: 'a group', commands: [act] }] },
    argv,
    io,
  )
  return { calls, code: io.code, ...io.lines }
}

const defaults = { every: 30_000, name: 'n', also: [], loud: false, extra: undefined, output: 'text' }

test('flags have their defaults, and arguments come in order', async () => {
  assert.deepEqual((await call(['act', 'it', '--name', 'n'])).calls, [[defaults, ['it']]])
  assert.deepEqual((await call(['group', 'act', 'it', '--name=n'])).calls, [[defaults, ['it']]])
})

test('a variable stands in for a flag, and a flag wins over it', async () => {
  const env = { WH_EVERY: '1m', WH_NAME: 'from-env', WH_ALSO: 'a, b c', WH_LOUD: '1' }
  assert.deepEqual((await call(['act', 'it'], env)).calls, [
    [{ ...defaults, every: 60_000, name: 'from-env', also: ['a', 'b', 'c'], loud: true }, ['it']],
  ])
  const given = ['act', 'it', '--every', '5s', '--name', 'flag', '--also', 'x', 'y', '--loud', '-o', 'json']
  assert.deepEqual((await call(given, { ...env, WH_LOUD: 'false' })).calls, [
    [{ ...defaults, every: 5_000, name: 'flag', also: ['x', 'y'], loud: true, output: 'json' }, ['it']],
  ])
})

test('a flag with a value may begin with --no-, and its variable counts too', async () => {
  const seen: unknown[] = []
  const around = several('--no-proxy <host...>', { about: 'past the proxy', env: 'WH_NO_PROXY', parse: text })
  const act = command({
    name: 'act',
    about: 'acts',
    flags: { around },
    run: async (_io, values) => void seen.push(values.around),
  })
  const spec = { name: 'prog', about: 'a program', version: '1.2.3', commands: [act] }
  await runProgram(spec, ['act'], recordingIo())
  await runProgram(spec, ['act', '--no-proxy', 'a', 'b'], recordingIo())
  await runProgram(spec, ['act'], recordingIo({ env: { WH_NO_PROXY: 'c,d' } }))
  assert.deepEqual(seen, [[], ['a', 'b'], ['c', 'd']])
})

test('an empty variable counts as absent', async () => {
  assert.deepEqual((await call(['act', 'it', '--name', 'n'], { WH_EVERY: '', WH_LOUD: '', WH_ALSO: '' })).calls, [
    [defaults, ['it']],
  ])
})

test('what is wrong is named, with where to look, and the exit code is 2', async () => {
  const wrong: readonly (readonly [argv: readonly string[], env: Readonly<Record<string, string>>, said: string])[] = [
    [['act', 'it'], {}, 'error: --name (or WH_NAME): it is required'],
    [
      ['act', 'it', '--name', 'n', '--every', 'soon'],
      {},
      'error: --every: expected a duration such as 30s, 15m, 12h or 30d, got "soon"',
    ],
    [
      ['act', 'it', '--name', 'n'],
      { WH_EVERY: 'soon' },
      'error: WH_EVERY: expected a duration such as 30s, 15m, 12h or 30d, got "soon"',
    ],
    [['act', 'it', '--name', 'n'], { WH_LOUD: 'very' }, 'error: WH_LOUD: expected true or false, got "very"'],
    [['act', 'it', '--name', 'n', '--extra', '10'], {}, 'error: --extra: expected a whole number, 1–9, got "10"'],
    [['act', 'it', '--name', 'n', '-o', 'xml'], {}, 'error: --output: expected text or json, got "xml"'],
    [['act', '--name', 'n'], {}, "error: missing required argument 'what'"],
    [['act', 'it', 'them', '--name', 'n'], {}, "error: too many arguments for 'act'. Expected 1 argument but got 2: it, them."],
    [['act', 'it', '--nmae', 'n'], {}, "error: unknown option '--nmae'\n(Did you mean --name?)"],
    [['atc'], {}, "error: unknown command 'atc'\n(Did you mean act?)"],
  ]
  for (const [argv, env, said] of wrong) {
    const { calls, code, err, out } = await call(argv, env)
    assert.equal(err[0], said)
    assert.match(err[1] ?? '', /^See 'prog( act)? --help'\.$/)
    assert.deepEqual([calls, code, out], [[], 2, []])
  }
})

test('help names each flag with its variable and its default', async () => {
  const { out, code } = await call(['act', '--help'])
  assert.equal(code, 0)
  assert.match(out.join('\n'), /--every <duration> +how often \(default: 30s, env: WH_EVERY\)/)
  assert.match(out.join('\n'), /--loud +louder \(env: WH_LOUD\)/)
})

test('a program or a group without a command shows its help, exit code 2; the version is printed', async () => {
  assert.match((await call([])).err.join('\n'), /Commands:\n {2}act/)
  assert.equal((await call(['group'])).code, 2)
  const version = await call(['--version'])
  assert.deepEqual([version.out, version.code], [['1.2.3'], 0])
})

test('a failure of the command itself is not taken for wrong use', async () => {
  const io = recordingIo()
  const failing = command({ name: 'fail', about: 'fails', flags: {}, run: () => Promise.reject(new Error('no disk')) })
  await assert.rejects(runProgram({ name: 'p', about: 'a', version: '1', commands: [failing] }, ['fail'], io), /no disk/)
})

test('values are read as people write them', () => {
  assert.deepEqual([':8080', '127.0.0.1:0', '[::1]:9', 'hub.local:1'].map(listenAddress), [
    { port: 8_080 },
    { host: '127.0.0.1', port: 0 },
    { host: '::1', port: 9 },
    { host: 'hub.local', port: 1 },
  ])
  assert.deepEqual(['10.0.0.0/8', 'fd00::/8', '::1', '127.0.0.1'].map(addressRange), [
    '10.0.0.0/8',
    'fd00::/8',
    '::1',
    '127.0.0.1',
  ])
  assert.deepEqual(['0', '1', '.5', '0.25'].map(share), [0, 1, 0.5, 0.25])
  assert.deepEqual(['250ms', '2h', '30d'].map(duration), [250, 7_200_000, 2_592_000_000])
  assert.equal(proxyUrl('http://ann:pass@proxy:3128'), 'http://ann:pass@proxy:3128')
  assert.equal(httpUrl('https://hub.example.com/x'), 'https://hub.example.com/x')
})

test('values that are none are refused with what was expected', () => {
  for (const wrong of ['8080', ':99999', '::1:80', 'a b:1', ''])
    assert.throws(() => listenAddress(wrong), /expected \[HOST\]:PORT/, wrong)
  for (const wrong of ['10.0.0.0/33', 'fd00::/129', 'host', '10.0.0.0/', '1.2.3.4/5/6'])
    assert.throws(() => addressRange(wrong), /expected a range/, wrong)
  for (const wrong of ['2', '-1', '50%', '']) assert.throws(() => share(wrong), /between 0 and 1/, wrong)
  for (const wrong of ['30', '1.5d', 'd', '-1d']) assert.throws(() => duration(wrong), /expected a duration/, wrong)
  for (const wrong of ['proxy:3128', 'socks5://ann:hidden@p', 'http://ann:hidden@p/path'])
    assert.throws(
      () => proxyUrl(wrong),
      (error: Error) => /URL of a proxy/.test(error.message) && !error.message.includes('hidden'),
    )
  for (const wrong of ['hub', 'ftp://hub']) assert.throws(() => httpUrl(wrong), /http or https/, wrong)
  assert.throws(
    () => httpUrl('https://ann:secret@hub'),
    (error: Error) => !error.message.includes('secret'),
  )
})
