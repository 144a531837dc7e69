/**
 * Label selectors with the meaning that Kubernetes gives them: all requirements hold; `!=` and `notin` also hold where the label is absent.
 * Text form: `app=shop,tier!=cache,env in (prod,stage),region notin (us),owner,!legacy`. The empty selector matches everything.
 */
import type { LabelSelector } from '../protocol/plan.ts'

export type Labels = Readonly<Record<string, string>>
type Requirement = { readonly key: string; readonly operator: string; readonly values?: readonly string[] }

export class SelectorError extends Error {
  override readonly name = 'SelectorError'
  /** Position in the text, from 0; absent for a structured selector. */
  readonly offset?: number
  constructor(message: string, offset?: number) {
    super(offset === undefined ? message : `${message} at offset ${offset}`)
    if (offset !== undefined) this.offset = offset
  }
}

const token = /\s*(!=|==|=|!|,|\(|\)|[^\s!=,()<>]+|[<>]|$)/y

interface Token {
  readonly text: string
  readonly offset: number
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  token.lastIndex = 0
  for (;;) {
    const found = token.exec(text)?.[1] ?? ''
    tokens.push({ text: found, offset: token.lastIndex - found.length })
    if (found === '') return tokens
  }
}

/** Throws SelectorError. `a=b` becomes a matchLabel, everything else an expression. */
export function parseLabelSelector(text: string): LabelSelector {
  const tokens = tokensOf(text)
  const end: Token = { text: '', offset: text.length }
  let at = 0
  const peek = (): Token => tokens[at] ?? end
  const next = (): Token => tokens[at++] ?? end
  const requirements: Requirement[] = []
  if (peek().text !== '') {
    requirements.push(requirement())
    while (peek().text !== '') {
      expect(',')
      requirements.push(requirement())
    }
  }
  return structured(requirements)

  function expect(what: string): void {
    const got = next()
    if (got.text !== what) throw unexpected(`'${what}'`, got)
  }

  function requirement(): Requirement {
    const negated = peek().text === '!'
    if (negated) at++
    const key = checked(next(), keyProblem, 'a label key')
    if (negated) return { key, operator: 'DoesNotExist' }
    const operator = peek()
    switch (operator.text) {
      case '':
      case ',':
        return { key, operator: 'Exists' }
      case '=':
      case '==':
      case '!=':
        at++
        return { key, operator: operator.text === '!=' ? 'NotIn' : 'In', values: [value()] }
      case 'in':
      case 'notin':
        at++
        return { key, operator: operator.text === 'in' ? 'In' : 'NotIn', values: list() }
      default:
        throw unexpected("one of '=', '==', '!=', 'in', 'notin', ','", operator)
    }
  }

  /** May be empty, as in Kubernetes: `a=` asks for the empty value. */
  function value(): string {
    return [',', ')', ''].includes(peek().text) ? '' : checked(next(), valueProblem, 'a label value')
  }

  function list(): readonly string[] {
    expect('(')
    const values = [value()]
    while (peek().text === ',') {
      at++
      values.push(value())
    }
    expect(')')
    return values
  }
}

const unexpected = (expected: string, got: Token): SelectorError =>
  new SelectorError(`expected ${expected}, got ${got.text === '' ? 'the end' : `'${got.text}'`}`, got.offset)

function checked(got: Token, problem: (text: string) => string | undefined, what: string): string {
  if (['', ',', '(', ')', '!', '=', '==', '!=', '<', '>'].includes(got.text)) throw unexpected(what, got)
  const why = problem(got.text)
  if (why !== undefined) throw new SelectorError(why, got.offset)
  return got.text
}

function structured(requirements: readonly Requirement[]): LabelSelector {
  const matchLabels = new Map<string, string>()
  const matchExpressions: Requirement[] = []
  for (const { key, operator, values } of requirements) {
    const [first, ...more] = values ?? []
    if (operator === 'In' && first !== undefined && more.length === 0 && !matchLabels.has(key)) matchLabels.set(key, first)
    else matchExpressions.push({ key, operator, ...(values === undefined ? {} : { values }) })
  }
  return {
    ...(matchLabels.size === 0 ? {} : { matchLabels: Object.fromEntries(matchLabels) }),
    ...(matchExpressions.length === 0 ? {} : { matchExpressions }),
  }
}

const namePart = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

function keyProblem(key: string): string | undefined {
  const slash = key.indexOf('/')
  const prefix = key.slice(0, Math.max(slash, 0))
  const prefixOk = slash < 0 || (prefix.length <= 253 && prefix.split('.').every((part) => dnsLabel.test(part)))
  if (prefixOk && namePart.test(key.slice(slash + 1))) return undefined
  return `expected a label key ([prefix/]name, the name up to 63 letters, digits, '-', '_', '.'), got '${key}'`
}

function valueProblem(value: string): string | undefined {
  if (value === '' || namePart.test(value)) return undefined
  return `expected a label value (up to 63 letters, digits, '-', '_', '.'), got '${value}'`
}

/** What is wrong with a structured selector: `matchExpressions[0].values: expected …, got …`. */
export function checkLabelSelector(selector: LabelSelector): string | undefined {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    const problem = keyProblem(key) ?? valueProblem(value)
    if (problem !== undefined) return `matchLabels['${key}']: ${problem}`
  }
  for (const [i, expression] of (selector.matchExpressions ?? []).entries()) {
    const problem = expressionProblem(expression)
    if (problem !== undefined) return `matchExpressions[${i}]${problem}`
  }
  return undefined
}

function expressionProblem({ key, operator, values = [] }: Requirement): string | undefined {
  const badKey = keyProblem(key)
  if (badKey !== undefined) return `.key: ${badKey}`
  if (operator === 'Exists' || operator === 'DoesNotExist')
    return values.length === 0 ? undefined : `.values: expected none with ${operator}, got ${values.length}`
  if (operator !== 'In' && operator !== 'NotIn') return `.operator: expected In, NotIn, Exists or DoesNotExist, got '${operator}'`
  if (values.length === 0) return `.values: expected at least one with ${operator}, got none`
  const badValue = values.map(valueProblem).find((problem) => problem !== undefined)
  return badValue === undefined ? undefined : `.values: ${badValue}`
}

/** Throws SelectorError for a selector that `checkLabelSelector` refuses. */
export function compileLabelSelector(selector: LabelSelector): (labels: Labels) => boolean {
  const tests = compileRequirements(selector).map(({ test }) => test)
  return (labels) => tests.every((test) => test(labels))
}

/** One part of a selector. */
export interface CompiledRequirement {
  readonly key: string
  /** As text, `tier!=cache`. */
  readonly text: string
  readonly test: (labels: Labels) => boolean
}

/** Throws as `compileLabelSelector` does. */
export function compileRequirements(selector: LabelSelector): readonly CompiledRequirement[] {
  const problem = checkLabelSelector(selector)
  if (problem !== undefined) throw new SelectorError(problem)
  const { matchLabels = {}, matchExpressions = [] } = selector
  const exact = Object.entries(matchLabels).map(([key, value]) => ({ key, operator: 'In', values: [value] }))
  return [...exact, ...matchExpressions].map((each) => ({ key: each.key, text: textOf(each), test: compileOne(each) }))
}

function textOf({ key, operator, values = [] }: Requirement): string {
  if (operator === 'Exists') return key
  if (operator === 'DoesNotExist') return `!${key}`
  const [only, ...more] = values
  if (more.length === 0) return `${key}${operator === 'In' ? '=' : '!='}${only}`
  return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`
}

function compileOne({ key, operator, values = [] }: Requirement): (labels: Labels) => boolean {
  const wanted = new Set(values)
  const has = (labels: Labels) => Object.hasOwn(labels, key)
  const among = (labels: Labels) => has(labels) && wanted.has(labels[key] ?? '')
  switch (operator) {
    case 'In':
      return among
    case 'NotIn':
      return (labels) => !among(labels)
    case 'Exists':
      return has
    default:
      return (labels) => !has(labels)
  }
}
