/**
 * Where the real servers are. The convention is envtest's: KUBEBUILDER_ASSETS names a folder that holds `etcd` and
 * `kube-apiserver`; without it, the folder that build-api-server.sh has filled on this machine.
 * Looks only; building is the script's business.
 */
import { access, constants } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The version that build-api-server.sh builds; it names the folder in the cache. */
const builtVersion = '1.20.2'

type Environment = Readonly<Record<string, string | undefined>>

/** The folder with both servers, or nothing when this machine has none. */
export async function findAssets(env: Environment = process.env): Promise<string | undefined> {
  const cache = env.WATCH_HUB_ENVTEST_CACHE || join(env.HOME ?? homedir(), '.cache/watch-hub/envtest')
  for (const folder of [env.KUBEBUILDER_ASSETS, join(cache, builtVersion)])
    if (folder && (await isExecutable(join(folder, 'etcd'))) && (await isExecutable(join(folder, 'kube-apiserver'))))
      return folder
  return undefined
}

/** Like `findAssets`, for those who cannot go on without. */
export async function requireAssets(): Promise<string> {
  const folder = await findAssets()
  if (folder !== undefined) return folder
  throw new Error(
    'expected a folder with etcd and kube-apiserver, found none: run test/support/envtest/build-api-server.sh, or set KUBEBUILDER_ASSETS',
  )
}

const isExecutable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  )
