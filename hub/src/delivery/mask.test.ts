import assert from 'node:assert/strict'
import test from 'node:test'
import { masking } from './mask.ts'

const secret = 'p"w/ü <a&b>\'+\\1'

test('a secret is hidden in every spelling in which it may be given back', () => {
  const mask = masking([secret])
  const json = JSON.stringify(secret).slice(1, -1)
  const spellings = [
    secret,
    json,
    json.replaceAll('/', '\\/'),
    json.replaceAll('ü', '\\u00fc'),
    json.replaceAll('ü', '\\u00fc').replaceAll('/', '\\/'),
    encodeURIComponent(secret),
    encodeURIComponent(secret).toLowerCase(),
    encodeURI(secret),
    new URL(`http://host/${secret}`).pathname.slice(1),
    new URLSearchParams({ '': secret }).toString().slice(1),
    'p&quot;w/ü &lt;a&amp;b&gt;&#39;+\\1',
    'p&#34;w/ü &lt;a&amp;b&gt;&#39;+\\1',
    'p&quot;w/ü &lt;a&amp;b&gt;&#x27;+\\1',
  ]
  for (const text of spellings) assert.equal(mask(`got ${text}.`), 'got ***.', text)
})

test('a secret within another leaves the rest of that one unreadable', () => {
  assert.equal(masking(['abc', 'xxabcyy'])('xxabcyy abc'), '*** ***')
})

test('a text that was cut within a secret does not show its beginning', () => {
  const mask = masking(['correct-horse-battery'])
  assert.equal(mask('you sent correct-horse-bat'), 'you sent ***')
  assert.equal(mask('you sent correct-horse-bat\ufffd'), 'you sent ***')
  assert.equal(mask('you sent correct-horse-bat, no'), 'you sent correct-horse-bat, no')
  assert.equal(mask('this is corr'), 'this is corr')
})

test('each line of a key is hidden, its frame is not', () => {
  const line = 'MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY'
  const mask = masking([`-----BEGIN EC PRIVATE KEY-----\n${line}\n-----END EC PRIVATE KEY-----\n`])
  assert.equal(mask(`at ${line} in -----BEGIN EC PRIVATE KEY-----.`), 'at *** in -----BEGIN EC PRIVATE KEY-----.')
})

test('an empty secret hides nothing, and a broken surrogate breaks nothing', () => {
  assert.equal(masking([''])('text'), 'text')
  assert.equal(masking(['a\ud800b'])('a\ud800b'), '***')
})
