/**
 * Loaded into every process that the demo starts (`node --import`): it ends with the demo, however the demo ends.
 * The pipe on stdin closes when the demo is gone, even if it was killed and could clean up nothing itself.
 */
import { Socket } from 'node:net'

const lifeline = new Socket({ fd: 0, readable: true, writable: false })
lifeline.on('close', () => process.exit(0))
lifeline.on('error', () => process.exit(0))
lifeline.resume()
lifeline.unref()
