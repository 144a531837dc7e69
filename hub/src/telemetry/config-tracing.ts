/**
 * A commit's trace: fetch → verify → compile → activate below one root, then, for each cluster whose plan it changed, offer → apply → first event.
 * Its id is the commit's, so that whoever knows the commit finds it: the first 32 digits of the commit's id.
 */
import type { Resource } from '@opentelemetry/resources'
import { newSpanId } from '@watch-hub/shared/protocol/traceparent'
import { commitContext } from '../config/commit-context.ts'
import type { CommitStep, ConfigTracer } from '../config/tracer.ts'
import * as names from './attributes.ts'
import type { SpanExport } from './export.ts'
import type { Sampling } from './sampling.ts'

export interface ConfigTracingDeps {
  readonly spans: SpanExport
  readonly sampling: Sampling
  readonly hub: Resource
}

export function createConfigTracing({ spans, sampling, hub }: ConfigTracingDeps): ConfigTracer {
  return {
    step({ commit, step, start, end, problems = 0 }: CommitStep) {
      const root = commitContext(commit)
      if (!spans.wanted || !sampling.byHand(root.traceId)) return
      const isRoot = step === 'commit'
      spans.add(
        () => ({
          ...(isRoot ? { context: root } : { context: { traceId: root.traceId, spanId: newSpanId() }, parent: root }),
          name: isRoot ? 'config commit' : step,
          kind: 'internal',
          ...{ start, end },
          attributes: { [names.commit]: commit, ...(problems > 0 && { [names.problems]: problems }) },
          ...(problems > 0 && { error: `refused: ${problems} problem${problems === 1 ? '' : 's'}; watch-hub status names them` }),
        }),
        hub,
      )
    },
  }
}
