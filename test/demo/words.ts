/** What runs, and what to try. */

export interface Scene {
  /** As the reader would type it. */
  readonly dir: string
  readonly hubUrl: string
  readonly receiverUrl: string
  readonly realClusters: boolean
  /** What a second terminal needs for the commands to find the hub; empty in the usual folder. */
  readonly dataFlag: string
}

export const whatRuns = ({ dir, hubUrl, receiverUrl, realClusters }: Scene): readonly string[] => [
  `hub            ${hubUrl}   reads ${dir}/config-repo every second, logs to ${dir}/hub.log`,
  `clusters       prod-eu-1, stage-eu-1   ${realClusters ? 'real API servers' : 'simulated'}, an agent each`,
  `receiver       ${receiverUrl}   prints what the endpoints dns and cmdb are sent`,
]

export const whatToTry = ({ dir, dataFlag }: Scene): readonly string[] => [
  'Try, in a second terminal:',
  `  npx watch-hub status${dataFlag}`,
  `  npx watch-hub events --follow${dataFlag}`,
  `  npx watch-hub endpoint pause dns${dataFlag}      what happens waits; then: resume dns`,
  `  edit ${dir}/config-repo/watches/load-balancers.yaml: remove the line "clusters:", then`,
  `  git -C ${dir}/config-repo commit -am 'Load balancers everywhere'`,
  '  make a mistake in it and commit again: the last good commit stays, and status says what is wrong',
  'Ctrl-C ends everything.',
]
