/** The words of the semantic conventions for messages that fit what travels from clusters to endpoints. */

import { parseTraceparent } from '@watch-hub/shared/protocol/traceparent'
import { paddedSequence } from '../delivery/formats/format.ts'
import type { LogRow } from '../store/store.ts'
import * as names from './attributes.ts'
import { objectText } from './event-attributes.ts'
import type { LinkTo } from './span.ts'

/** What events travel over. */
export const destination = { [names.messagingSystem]: 'watch_hub', [names.destinationName]: 'k8s.events' }

/** Ids that a span lists of the events it is about, so that a search finds it; what it links to is another bound. */
export const idsListed = 128

export const linksToRows = (rows: readonly LogRow[]): readonly LinkTo[] =>
  rows.flatMap((row) => {
    const context = parseTraceparent(row.traceparent ?? '')
    const attributes = { [names.messageId]: paddedSequence(row.sequence), [names.object]: objectText(row.object) }
    return context === undefined ? [] : [{ context, attributes }]
  })
