// Plain JavaScript that any Node can parse: says in one line what to do where Node is too old to run TypeScript directly.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 15)) {
  console.error(
    `watch-hub needs Node 24.15 or later, this is ${process.version}: run it through npm ("npx watch-hub …", "npm start"), which brings Node 24, or put a newer node first in PATH`,
  )
  process.exit(1)
}
