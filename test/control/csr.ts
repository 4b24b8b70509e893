/** Certificate signing requests, right and wrong ones. */
import 'reflect-metadata'
import { KeyObject, type webcrypto } from 'node:crypto'
import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509'

export interface KeyAndCsr {
  readonly csr: string
  /** PEM. */
  readonly privateKey: string
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' }

type Algorithm = webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams

export async function makeCsr(
  options: { algorithm?: Algorithm; uris?: readonly string[] } = {},
): Promise<KeyAndCsr> {
  const algorithm = options.algorithm ?? P256
  const keys = (await crypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const names = (options.uris ?? []).map(value => ({ type: 'url' as const, value }))
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whatever the caller claims',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)],
  })
  return {
    csr: request.toString('pem'),
    privateKey: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** A CSR whose signature was made for other bytes. */
export async function forgedCsr(): Promise<string> {
  const { csr } = await makeCsr()
  const der = Buffer.from(csr.replace(/-----[^-]+-----/g, ''), 'base64')
  // Within the subject's text, so that the structure stays whole.
  const at = der.indexOf('caller')
  der[at] = 'C'.charCodeAt(0)
  return `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
}
