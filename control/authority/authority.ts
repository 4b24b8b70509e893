/**
 * The certificate authority. It signs public keys and never sees a private one; what a CSR says about names is
 * ignored, because the caller's proven identity decides.
 */

/** Whom a certificate is for. */
export interface CertificateIdentity {
  /** The only URI SAN; it must be within the authority's trust domain. */
  readonly spiffeId: string
  /** For the control API's own server certificate. */
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
}

export interface IssuedLeaf {
  /** PEM of the leaf. */
  readonly certificate: string
  /** PEM of the root that signed it. */
  readonly issuer: string
  /** A little before the time of issue, for clocks that are behind. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

export interface TrustRoot {
  /** PEM. */
  readonly certificate: string
  /** Hex SHA-256 of its DER. */
  readonly sha256: string
  readonly notAfterMs: number
  /** The one that signs now; another one is only trusted, before or after its time to sign. */
  readonly signing: boolean
}

export interface Authority {
  readonly trustDomain: string
  /**
   * Signs the CSR's public key (P-256) for `identity`.
   * @param csr PEM
   * @throws CsrRefused when the CSR is damaged, not signed by its own key, or of another key type
   */
  issue(csr: string, identity: CertificateIdentity, ttlSeconds: number): Promise<IssuedLeaf>
  /** Every root trusted now, the one that signs first. */
  trust(): Promise<readonly TrustRoot[]>
}

/** The CSR cannot be signed; the message says why. */
export class CsrRefused extends Error {
  readonly code = 'CSR_REFUSED'
}

export const MIN_TTL_SECONDS = 60
export const MAX_TTL_SECONDS = 366 * 86_400
export const DEFAULT_TTL_SECONDS = 86_400

/** What each implementation asks before it signs. Throws a `RangeError`. */
export function checkIssue(trustDomain: string, identity: CertificateIdentity, ttlSeconds: number): void {
  if (!(ttlSeconds >= MIN_TTL_SECONDS && ttlSeconds <= MAX_TTL_SECONDS)) {
    throw new RangeError(
      `certificate lifetime: found ${ttlSeconds} s, expected ${MIN_TTL_SECONDS} to ${MAX_TTL_SECONDS} s`,
    )
  }
  if (!identity.spiffeId.startsWith(`spiffe://${trustDomain}/`)) {
    throw new RangeError(`identity "${identity.spiffeId}" is not within the trust domain "${trustDomain}"`)
  }
}
