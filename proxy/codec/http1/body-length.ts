/** How the end of a body is found, where it is not a number of bytes (RFC 9112 6.3). */

/** Transfer-Encoding: chunked. */
export const CHUNKED = -1

/** It ends with the connection: only responses do. */
export const UNTIL_CLOSE = -2
