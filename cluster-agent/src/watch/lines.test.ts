import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { LineTooLong, linesOf } from './lines.ts'

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part)
}
async function all(lines: AsyncIterable<string>): Promise<readonly string[]> {
  const out: string[] = []
  for await (const line of lines) out.push(line)
  return out
}
const read = (...parts: readonly (string | Uint8Array)[]) => all(linesOf(chunks(...parts)))

suite('linesOf', () => {
  test('gives two lines of one chunk', async () => {
    assert.deepEqual(await read('{"a":1}\n{"b":2}\n'), ['{"a":1}', '{"b":2}'])
  })

  test('gives the same lines wherever the bytes are cut, in the middle of a character too', async () => {
    const bytes = Buffer.from('{"name":"жук 🐞"}\n{"b":"é"}\n')
    for (let at = 0; at <= bytes.length; at++)
      assert.deepEqual(await read(bytes.subarray(0, at), bytes.subarray(at)), ['{"name":"жук 🐞"}', '{"b":"é"}'], `cut at ${at}`)
    const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))
    assert.deepEqual(await read(...single), ['{"name":"жук 🐞"}', '{"b":"é"}'])
  })

  test('takes raw U+2028, U+2029, U+0085 and carriage returns for data', async () => {
    const line = '{"text":"one\u2028two\u2029three\u0085four\r"}'
    assert.deepEqual(await read(`${line}\n`), [line])
  })

  test('drops what follows the last newline', async () => {
    assert.deepEqual(await read('{"a":1}\n{"b"'), ['{"a":1}'])
  })

  test('gives an empty line', async () => {
    assert.deepEqual(await read('\n', 'a\n'), ['', 'a'])
  })

  test('gives a line of 8 MB that came in chunks of 16 KB', async () => {
    const line = 'x'.repeat(8 * 1024 * 1024)
    const bytes = Buffer.from(`${line}\n`)
    const parts = Array.from({ length: Math.ceil(bytes.length / 16384) }, (_, i) => bytes.subarray(i * 16384, (i + 1) * 16384))
    assert.deepEqual(await read(...parts), [line])
  })

  test('refuses a line that is longer than the bound', async () => {
    await assert.rejects(all(linesOf(chunks('12345', '67890', '1\n'), 10)), LineTooLong)
    assert.deepEqual(await all(linesOf(chunks('12345', '67890', '\n'), 10)), ['1234567890'])
  })
})
