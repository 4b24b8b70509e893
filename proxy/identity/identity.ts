/**
 * Who this proxy is: a certificate with its key, and whom it trusts. One value, replaced whole; the private key
 * leaves the process only into a file of the state directory.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { spiffeIdOf } from './spiffe-id.ts'

export interface Identity {
  readonly spiffeId: string
  readonly trustDomain: string
  /** PEM, leaf first, then what leads to a root. */
  readonly certificatePem: string
  readonly privateKeyPem: string
  /** PEM of every root that is trusted now. */
  readonly trustBundle: readonly string[]
  /** Milliseconds since the epoch. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Of the leaf, for people. */
  readonly serialNumber: string
}

/** Throws an `Error` that says what is wrong with the files; it never quotes the key. */
export function readIdentity(
  certificatePem: string,
  privateKeyPem: string,
  trustBundle: readonly string[],
): Identity {
  const leaf = certificateIn(certificatePem, 'certificate')
  if (trustBundle.length === 0) throw new Error('trust bundle: it holds no certificate')
  for (const root of trustBundle) certificateIn(root, 'trust bundle')
  const spiffeId = spiffeIdOf(leaf)
  if (!leaf.checkPrivateKey(keyIn(privateKeyPem))) {
    throw new Error(`private key: it does not belong to the certificate of ${spiffeId}`)
  }
  return {
    spiffeId,
    trustDomain: new URL(spiffeId).host,
    certificatePem,
    privateKeyPem,
    trustBundle,
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
    serialNumber: leaf.serialNumber,
  }
}

/** Every certificate of a PEM file, in order. */
export const splitPem = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)?.map(one => `${one}\n`) ?? []

function certificateIn(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new Error(`${what}: expected a certificate as PEM`)
  }
}

function keyIn(pem: string) {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new Error('private key: expected an unencrypted key as PEM')
  }
}
