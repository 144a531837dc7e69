/** `format: watch-hub`: Watch Hub's own payload, version 1. */
import { type Format, type Item, paddedSequence, rfc3339 } from './format.ts'

export const watchHub: Format = {
  item(item) {
    const { row, member, context } = item
    const { object } = row
    const sequence = paddedSequence(member.sequence)
    const reason = member.reason === undefined ? '' : `"reason":"${member.reason}",`
    const resource = JSON.stringify({
      group: object.group,
      version: object.version,
      kind: object.kind,
      resource: object.resource,
      namespace: object.namespace,
      name: object.name,
      uid: object.uid,
      resourceVersion: object.resourceVersion,
    })
    return `{"id":"${eventId(item, sequence)}","type":"${member.type}",${reason}"sequence":"${sequence}","time":"${rfc3339(row.observedAt)}","cluster":${context.cluster},${context.watches(member.watches)},"resource":${resource},"object":${row.body}}`
  },

  envelope({ id, endpoint, createdAt, metadata }) {
    const head = JSON.stringify({ version: '1', id, endpoint, createdAt: rfc3339(createdAt), metadata })
    return [`${head.slice(0, -1)},"items":[`, ']}']
  },
}

const eventId = ({ scan }: Item, sequence: string): string => (scan === undefined ? sequence : `${scan}-${sequence}`)
