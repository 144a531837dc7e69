/** `watch-hub why` for people: what is asked, each condition on a line of its own, and the verdict last. */
import { placeText } from '../config/problems.ts'
import type { Check, Mark, Why, WhyWatch } from '../why/model.ts'
import { age, inOneLine, objectName } from './output.ts'

const signs: Readonly<Record<Mark, string>> = { yes: '✓', no: '✗', unknown: '?', note: '·' }

/** `now`: ms */
export function whyText(why: Why, now: number): readonly string[] {
  const { cluster, resource, endpoint, object, clusterChecks, watches, endpoints, verdict, at } = why
  const shown = watches.filter((watch) => !isOfOtherKinds(watch))
  const all = [...clusterChecks, ...shown.flatMap(({ checks }) => checks), ...endpoints.flatMap(({ checks }) => checks)]
  const width = Math.max(...all.map(({ about }) => about.length), 0)
  const section = (title: string, checks: readonly Check[]) => [
    '',
    inOneLine(title),
    ...checks.map((each) => `  ${each.about.padEnd(width)} ${inOneLine(checkText(each, now))}`),
  ]
  return [
    inOneLine(`${resource} ${objectName(why)} in ${cluster}${endpoint === undefined ? '' : `, for ${endpoint}`}`),
    inOneLine(`${object.state}: ${object.detail}`),
    ...section(`Cluster ${cluster}`, clusterChecks),
    ...shown.flatMap(({ watch, checks }) => section(`Watch ${watch}`, checks)),
    ...otherWatches(watches),
    ...endpoints.flatMap(({ endpoint: name, checks }) => section(`Endpoint ${name}`, checks)),
    '',
    inOneLine(`${verdict}${at === undefined ? '' : ` (${placeText(at)})`}`),
  ]
}

/** `✗ "web" not in [team-*] (watches/lb.yaml:8)` */
function checkText({ mark, detail, at, since, next }: Check, now: number): string {
  const past = since === undefined ? '' : `, for ${age(now - since)}`
  const ahead = next === undefined ? '' : `, looked at again in ${age(next - now)}`
  return `${signs[mark]} ${detail}${past}${ahead}${at === undefined ? '' : ` (${placeText(at)})`}`
}

const isOfOtherKinds = ({ checks }: WhyWatch): boolean => checks.find(({ mark }) => mark === 'no')?.about === 'resources'

const shownOthers = 10

/** One line for all that are about something else. */
function otherWatches(watches: readonly WhyWatch[]): readonly string[] {
  const names = watches.filter(isOfOtherKinds).map(({ watch }) => watch)
  if (names.length === 0) return []
  const more = names.length > shownOthers ? `, … ${names.length - shownOthers} more` : ''
  return ['', inOneLine(`Watches of other kinds: ${names.slice(0, shownOthers).join(', ')}${more}`)]
}
