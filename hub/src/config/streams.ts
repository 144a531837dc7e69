/** Streams: one kind with one projection. What decides it decides the stream's identity, so watches that agree in it share one. */
import { contentHash } from '@watch-hub/shared/pipeline/hash'
import type { StreamPlan } from '@watch-hub/shared/protocol/plan'
import type { WatchConfig } from './model.ts'

export type Stream = Omit<StreamPlan, 'watches'>

/** The streams that a watch draws from, one per kind. */
export const streamsOf = ({ resources, fields, includeSecretData }: WatchConfig): readonly Stream[] =>
  resources.map((ref) => {
    const stream = {
      ...ref,
      includeSecretData: includeSecretData && ref.group === '' && ref.resource === 'secrets', // means nothing for other kinds
      projection: fields,
    }
    return { id: contentHash(stream), ...stream }
  })
