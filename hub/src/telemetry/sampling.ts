/**
 * Sampling: which traces are recorded. An event is asked about once, before it is stored; the answer is the flag of its context and travels
 * with it. Everything that is told of events goes by them: a frame, and an attempt, is sampled if any of its events is.
 *
 * By default so many traces are begun in each second, the first ones of it. At the pace of people that is all of them; in a burst those that are
 * sampled stand close to each other, so they share frames and batches, and few requests have to be traced for them.
 */
import type { TraceContext } from '@watch-hub/shared/protocol/traceparent'
import { inRatio } from './export.ts'
import type { OtelSettings } from './otel-env.ts'

export interface Sampling {
  /** For the first context of a trace. One that says it is sampled stays so, where the sampler goes by parents. */
  event(context: TraceContext): boolean
  /** For a trace that people begin: a commit. */
  byHand(traceId: string): boolean
}

export const defaultTracesPerSecond = 100

/** `now`: ms, never back. */
export function createSampling(
  { sampler, samplerArg }: Pick<OtelSettings, 'sampler' | 'samplerArg'>,
  now: () => number,
): Sampling {
  if (sampler === 'rate_limited') {
    const admits = perSecond(samplerArg ?? defaultTracesPerSecond, now)
    return { event: admits, byHand: () => true }
  }
  const byParent = sampler.startsWith('parentbased_')
  const root = rootSampler(sampler.replace('parentbased_', ''), samplerArg)
  return { event: (context) => (byParent && context.sampled) || root(context.traceId), byHand: root }
}

function rootSampler(name: string, ratio = 1): (traceId: string) => boolean {
  if (name === 'always_on') return () => true
  if (name === 'always_off') return () => false
  return inRatio(ratio)
}

function perSecond(most: number, now: () => number): () => boolean {
  let second = Number.NaN
  let begun = 0
  return () => {
    const at = Math.floor(now() / 1_000)
    if (at !== second) {
      second = at
      begun = 0
    }
    return begun++ < most
  }
}
