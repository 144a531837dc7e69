import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLabelSelector, compileLabelSelector, parseLabelSelector, SelectorError } from './selector.ts'

const shop = { app: 'shop', tier: 'web', 'example.com/owner': 'eve', empty: '' }

const matching: readonly (readonly [selector: string, matches: boolean])[] = [
  ['', true],
  ['  ', true],
  ['app=shop', true],
  ['app==shop', true],
  [' app = shop , tier = web ', true],
  ['app=shop,tier=db', false],
  ['app!=shop', false],
  ['app!=other', true],
  ['missing!=x', true],
  ['app in (shop, cart)', true],
  ['app in (cart)', false],
  ['missing in (x)', false],
  ['app notin (cart)', true],
  ['app notin (cart,shop)', false],
  ['missing notin (x)', true],
  ['app', true],
  ['missing', false],
  ['!missing', true],
  ['!app', false],
  ['example.com/owner=eve', true],
  ['empty=', true],
  ['app=', false],
  ['empty in (,x)', true],
  ['app=shop,app=cart', false],
  ['in', false],
  ['constructor', false],
  ['constructor!=x', true],
  ['toString notin (a)', true],
]

for (const [selector, matches] of matching)
  test(`the selector '${selector}' ${matches ? 'matches' : 'does not match'} the labels of a shop`, () => {
    const parsed = parseLabelSelector(selector)
    assert.equal(checkLabelSelector(parsed), undefined)
    assert.equal(compileLabelSelector(parsed)(shop), matches)
  })

test('a selector text becomes the structure that Kubernetes knows', () => {
  assert.deepEqual(parseLabelSelector('a=b,c!=d,e in (f,g),h,!i'), {
    matchLabels: { a: 'b' },
    matchExpressions: [
      { key: 'c', operator: 'NotIn', values: ['d'] },
      { key: 'e', operator: 'In', values: ['f', 'g'] },
      { key: 'h', operator: 'Exists' },
      { key: 'i', operator: 'DoesNotExist' },
    ],
  })
  assert.deepEqual(parseLabelSelector(''), {})
})

const broken: readonly (readonly [selector: string, offset: number, message: RegExp])[] = [
  ['a=b,', 4, /expected a label key, got the end/],
  [',a', 0, /expected a label key, got ','/],
  ['a=b c=d', 4, /expected ',', got 'c'/],
  ['a in x', 5, /expected '\(', got 'x'/],
  ['a in (x', 7, /expected '\)', got the end/],
  ['a > 1', 2, /expected one of .*, got '>'/],
  ['!a=b', 2, /expected ',', got '='/],
  ['a==!b', 3, /expected a label value, got '!'/],
  ['-a=b', 0, /expected a label key .*, got '-a'/],
  ['a=b!', 3, /expected ',', got '!'/],
  ['UPPER.example/x=y', 0, /expected a label key/],
  ['a=spa$ce', 2, /expected a label value .*, got 'spa\$ce'/],
  [`a=${'x'.repeat(64)}`, 2, /expected a label value/],
]

for (const [selector, offset, message] of broken)
  test(`the selector '${selector}' is refused at offset ${offset}`, () => {
    assert.throws(
      () => parseLabelSelector(selector),
      (error) => error instanceof SelectorError && error.offset === offset && message.test(error.message),
    )
  })

const badStructures: readonly (readonly [Parameters<typeof checkLabelSelector>[0], RegExp])[] = [
  [{ matchLabels: { '-': 'x' } }, /^matchLabels\['-'\]: expected a label key/],
  [{ matchLabels: { a: 'b c' } }, /^matchLabels\['a'\]: expected a label value/],
  [{ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] }, /^matchExpressions\[0\]\.operator: expected In, NotIn/],
  [{ matchExpressions: [{ key: 'a', operator: 'In' }] }, /\.values: expected at least one with In, got none/],
  [{ matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] }, /\.values: expected none with Exists, got 1/],
  [{ matchExpressions: [{ key: 'a b', operator: 'Exists' }] }, /\.key: expected a label key/],
]

for (const [selector, message] of badStructures)
  test(`the structured selector ${JSON.stringify(selector)} is refused`, () => {
    assert.match(checkLabelSelector(selector) ?? '', message)
    assert.throws(() => compileLabelSelector(selector), SelectorError)
  })
