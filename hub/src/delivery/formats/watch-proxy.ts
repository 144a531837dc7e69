/**
 * `format: watch-proxy`: the payload of VMware's Watch-Proxy, for receivers that were written for it. One cluster per request; `meta` is the
 * attached metadata of Settings, Endpoint and Cluster (the nearer to the object wins), `asset_type_id` what the watches attach as `assetId`.
 */
import type { EventType } from '../../config/model.ts'
import { type Format, jsonHeaders, listed } from './format.ts'

const verbs: Readonly<Record<EventType, string>> = { created: 'add', updated: 'update', deleted: 'delete' }

export const watchProxy: Format = {
  one: 'cluster',

  item({ row, member, context }) {
    const asset = context.watchMetadata(member.watches).assetId ?? ''
    const uniqueId = JSON.stringify(`${row.cluster}-${row.object.uid}`)
    return `{"asset_type_id":${JSON.stringify(asset)},"data":${row.body},"uniqueId":${uniqueId},"event":"${verbs[member.type]}"}`
  },

  request({ metadata, cluster }, items) {
    const meta = JSON.stringify({ ...metadata, ...cluster?.metadata, cluster: cluster?.name })
    return { body: ['{"data":[', ...listed(items), `],"meta":${meta}}`], headers: jsonHeaders }
  },
}
