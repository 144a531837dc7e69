/**
 * Makes the one JavaScript file that the agent's image holds: cluster-agent/dist/watch-hub-agent.cjs.
 *
 * Why a bundle: stripping types keeps 17 MB of memory for the life of a process, and loading the whole Kubernetes client another 50;
 * an agent runs in every cluster and has to be small. The hub is one process in one place: its image runs the sources as they are.
 */
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * What the Kubernetes client's `config.js` imports for making API clients and their connections. The agent only reads credentials with it
 * and speaks HTTP itself, so these are never reached; whoever reaches one is told so.
 */
const unreached: Plugin = {
  name: 'unreached',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(\.\/gen\/index\.js|\.\/middleware\.js|undici)$/ }, ({ path, importer }) =>
      importer.includes('@kubernetes/client-node') ? { path, namespace: 'unreached', sideEffects: false } : undefined,
    )
    // The names are on the prototype: that is what the bundle's imports of a CommonJS module look through, whatever the name.
    onLoad({ filter: /.*/, namespace: 'unreached' }, ({ path }) => ({
      contents: `const refuse = () => { throw new Error(${JSON.stringify(`${path} is not in this bundle: see deploy/bundle.ts`)}) }
module.exports = Object.create(new Proxy({}, { get: () => refuse }))`,
    }))
  },
}

await build({
  absWorkingDir: root,
  entryPoints: ['cluster-agent/src/main.ts'],
  // .cjs, whatever `type` a package.json above it declares.
  outfile: 'cluster-agent/dist/watch-hub-agent.cjs',
  bundle: true,
  platform: 'node',
  target: 'node24',
  // Node keeps several MB less of a CommonJS file than of an ES module.
  format: 'cjs',
  plugins: [unreached],
  minifySyntax: true,
  minifyWhitespace: true, // names stay: a stack trace from a cluster has to be readable
  legalComments: 'linked',
  logLevel: 'info',
})
