/** The certificate from a directory that somebody else keeps up to date: cert.pem, key.pem, bundle.pem. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../mesh/clock.ts'
import type { Log } from '../telemetry/log.ts'
import { watchDirectory } from '../watch-files.ts'
import { type Identity, readIdentity, splitPem } from './identity.ts'
import type { IdentitySource } from './identity-source.ts'

/** Throws an `Error` that names the directory and what is wrong in it. */
export function readIdentityDir(directory: string): Identity {
  const read = (file: string) => readFileSync(join(directory, file), 'utf8')
  try {
    return readIdentity(read('cert.pem'), read('key.pem'), splitPem(read('bundle.pem')))
  } catch (error) {
    throw new Error(`identity directory ${directory}: ${(error as Error).message}`)
  }
}

export class FileIdentity implements IdentitySource {
  private readonly options: { readonly directory: string; readonly clock: Clock; readonly log: Log }

  constructor(options: { readonly directory: string; readonly clock: Clock; readonly log: Log }) {
    this.options = options
  }

  watch(accept: (identity: Identity) => void, giveUp: (reason: Error) => void): () => void {
    const { directory, clock, log } = this.options
    let current: Identity
    try {
      current = readIdentityDir(directory)
    } catch (error) {
      giveUp(error as Error)
      return () => {}
    }
    accept(current)
    return watchDirectory(directory, clock, () => {
      try {
        const next = readIdentityDir(directory)
        if (same(current, next)) return
        current = next
        const { spiffeId, serialNumber, notAfterMs } = next
        const until = new Date(notAfterMs).toISOString()
        log.info(
          { event: 'certificate', spiffeId, serialNumber, notAfter: until },
          `certificate of ${spiffeId} until ${until}`,
        )
        accept(next)
      } catch (error) {
        // Perhaps half of the files are new: the next look will tell.
        const reason = (error as Error).message
        log.warn({ event: 'certificate-failed', reason }, `the certificate stays as it is: ${reason}`)
      }
    })
  }
}

const same = (a: Identity, b: Identity): boolean =>
  a.certificatePem === b.certificatePem && a.trustBundle.join() === b.trustBundle.join()
