/**
 * `format: watch-hub`: Watch Hub's own payload, version 1.
 *
 * An item carries `object`, or, where the endpoint has `delta`, `patch` and `base`: a merge patch (RFC 7396), and the sequence of the item that
 * it changes. A receiver goes by the sequence first: one that is not greater than the stored one is ignored, whatever it carries. Then it
 * applies the patch to what it holds, if the stored sequence is exactly `base`. If it is not, the receiver has lost something: it leaves the
 * object as it is and names the item in `failures`; what is tried again is told whole. A resync tells every object whole.
 *
 * A receiver that gets markers (`synced`) can sweep: of the objects of the marker's cluster that it holds as one of the marker's watch, those
 * whose newest item is neither of this scan (its id begins with `<scan>-`) nor has a sequence above `since` do not exist any more, or are not
 * for it. An item of a scan counts for this also when its sequence makes the receiver ignore it otherwise. What is swept is forgotten whole,
 * its sequence too.
 */
import { contentOf, eventId, type Format, jsonHeaders, listed, markerId, paddedSequence, resourceOf, rfc3339 } from './format.ts'

export const watchHub: Format = {
  item(item) {
    const { row, member, context } = item
    const reason = member.reason === undefined ? '' : `"reason":"${member.reason}",`
    const traceparent = row.traceparent === undefined ? '' : `,"traceparent":"${row.traceparent}"`
    return `{"id":"${eventId(item)}","type":"${member.type}",${reason}"sequence":"${paddedSequence(member.sequence)}","time":"${rfc3339(row.observedAt)}","cluster":${context.cluster},${context.watches(member.watches)},"resource":${resourceOf(item)},${contentOf(item)}${traceparent}}`
  },

  marker(marker) {
    const { scan, watch, time, since, sequence, count } = marker
    const { cluster, watches } = marker.context
    const counted = count === undefined ? '' : `,"count":${count}`
    return `{"id":"${markerId(marker)}","type":"synced","sequence":"${paddedSequence(sequence)}","time":"${rfc3339(time)}","cluster":${cluster},${watches([watch])},"scan":"${scan}","since":"${paddedSequence(since)}"${counted}}`
  },

  request({ id, endpoint, createdAt, metadata }, items) {
    const head = JSON.stringify({ version: '1', id, endpoint, createdAt: rfc3339(createdAt), metadata })
    return { body: [`${head.slice(0, -1)},"items":[`, ...listed(items), ']}'], headers: jsonHeaders }
  },
}
