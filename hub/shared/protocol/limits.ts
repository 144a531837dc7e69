/** Bounds that both sides of the link rely on. */

/** A frame is sealed at this many entries, or when its uncompressed bytes pass `frameBytes`. One larger object travels in a frame of its own. */
export const frameEntries = 500
export const frameBytes = 160 * 1024
/** Largest binary message either side accepts: an object of etcd's largest size, times JSON escaping, with room. */
export const messageBytes = 32 * 1024 * 1024
/** Largest uncompressed size of a binary message: protects against a bomb. */
export const inflatedBytes = 64 * 1024 * 1024
/** Frames that an agent sends before it waits for an ack. */
export const framesInFlight = 8
/** Objects of one index chunk. */
export const indexChunk = 2_000
/** Both sides ping this often; a side that heard nothing for three of them closes. */
export const pingEveryMs = 10_000
/** An unauthenticated socket is closed after this. */
export const handshakeMs = 5_000
/** Questions about objects (`explain`) that the hub asks one agent at a time. */
export const questionsInFlight = 4
/** Watches that one answer to such a question tells of. */
export const explainedWatches = 500
