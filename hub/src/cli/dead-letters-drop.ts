/** `watch-hub dead-letters drop`: forgets dead letters for good. */
import { dropped } from '../http/wire-delivery.ts'
import { command } from './command.ts'
import { hubFlags } from './find-hub.ts'
import { output } from './flags.ts'
import { connectHub } from './hub-client.ts'
import { allFlag, filterFlags, letterArgs, letterFilter, letterOrder } from './letter-filter.ts'
import { counted, json } from './output.ts'

export const drop = command({
  name: 'drop',
  about: 'forget dead letters for good; their endpoint is not told',
  args: letterArgs,
  flags: { ...filterFlags, all: allFlag, output: output('json'), ...hubFlags },
  run: async (io, { all, output, hub, tokenFile, ca, data, ...flags }, args) => {
    const order = letterOrder(letterFilter(flags, args), all)
    const client = await connectHub(io, { hub, tokenFile, ca, data })
    const answer = await client.post('api/v1/dead-letters/drop', order, dropped)
    io.out(output === 'json' ? json(answer) : `dropped: ${counted(answer.dropped, 'dead letter')}.`)
  },
})
