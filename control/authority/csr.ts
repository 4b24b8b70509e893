/** Reads a certificate signing request and keeps nothing of it but its public key. */
import 'reflect-metadata'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { Pkcs10CertificateRequest } from '@peculiar/x509'
import { CsrRefused } from './authority.ts'

const PEM =
  /^\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/

/**
 * The public key of a PEM CSR whose signature proves possession of the private key (RFC 2986 section 3).
 * @throws CsrRefused
 */
export async function publicKeyOfCsr(pem: string): Promise<Uint8Array> {
  if (!PEM.test(pem)) throw new CsrRefused('csr: expected one PEM block "CERTIFICATE REQUEST"')
  const request = parse(pem)
  const spki = new Uint8Array(request.publicKey.rawData)
  const key = keyOf(spki)
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (key.asymmetricKeyType !== 'ec' || curve !== 'prime256v1') {
    const found = curve === undefined ? key.asymmetricKeyType : `${key.asymmetricKeyType} ${curve}`
    throw new CsrRefused(`csr: the key is ${found}, expected EC P-256`)
  }
  if (!(await verifies(request))) throw new CsrRefused('csr: its signature was not made by its own key')
  return spki
}

function parse(pem: string): Pkcs10CertificateRequest {
  try {
    return new Pkcs10CertificateRequest(pem)
  } catch {
    throw new CsrRefused('csr: it is damaged (not the DER of a certificate request)')
  }
}

function keyOf(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    throw new CsrRefused('csr: its public key cannot be read, expected EC P-256')
  }
}

async function verifies(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify()
  } catch {
    return false
  }
}
