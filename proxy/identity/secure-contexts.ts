/**
 * The identity as TLS wants it. Replaced whole when the certificate is: connections that are open keep what they
 * were made with, new ones get the new one.
 */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { Identity } from './identity.ts'

export class SecureContexts {
  private current: { readonly identity: Identity; readonly client: SecureContext } | undefined
  private readonly watchers = new Set<(options: SecureContextOptions) => void>()

  /** Throws an `Error` when OpenSSL does not take the certificate; the last one stays. */
  use(identity: Identity): void {
    const options = optionsOf(identity)
    this.current = { identity, client: createSecureContext(options) }
    for (const changed of this.watchers) changed(options)
  }

  get identity(): Identity | undefined {
    return this.current?.identity
  }

  /** For connections to other sidecars; undefined before the first certificate. */
  get client(): SecureContext | undefined {
    return this.current?.client
  }

  /** Calls `changed` with what a TLS server is set up with, now if there is an identity and after each change. */
  watch(changed: (options: SecureContextOptions) => void): void {
    this.watchers.add(changed)
    if (this.current !== undefined) changed(optionsOf(this.current.identity))
  }
}

const optionsOf = ({ certificatePem, privateKeyPem, trustBundle }: Identity): SecureContextOptions => ({
  cert: certificatePem,
  key: privateKeyPem,
  ca: [...trustBundle],
  minVersion: 'TLSv1.3',
})
