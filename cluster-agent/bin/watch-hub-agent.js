#!/usr/bin/env node
import '../../hub/bin/require-node.js'

await import('../src/main.ts')
