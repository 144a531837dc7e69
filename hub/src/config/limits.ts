/** How much config there may be. Read before anything large is. */

export const maxFileBytes = 1024 * 1024
export const maxFiles = 5_000
export const maxTotalBytes = 32 * 1024 * 1024
/** Files of any sort below the config path. */
export const maxEntries = 100_000
