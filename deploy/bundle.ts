/**
 * Makes the one JavaScript file that the agent's image holds: cluster-agent/dist/watch-hub-agent.js.
 *
 * Why a bundle: stripping types keeps 17 MB of memory for the life of a process, and loading the whole Kubernetes client another 50;
 * an agent runs in every cluster and has to be small. The hub is one process in one place: its image runs the sources as they are.
 */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

await build({
  absWorkingDir: root,
  entryPoints: ['cluster-agent/src/main.ts'],
  outfile: 'cluster-agent/dist/watch-hub-agent.js',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // CommonJS packages inside an ES module still call `require` for Node's own modules.
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'\nconst require = createRequireOfBundle(import.meta.url)",
  },
  minifySyntax: true,
  minifyWhitespace: true, // names stay: a stack trace from a cluster has to be readable
  legalComments: 'linked',
  logLevel: 'info',
})
