/**
 * A key pair and a certificate signing request (PKCS #10, RFC 2986) for it. The control plane ignores the names in
 * a CSR and goes by the proven identity, so the subject is empty: what remains is small enough to write as DER
 * here, and keeps an ASN.1 library out of the sidecar.
 */
import { generateKeyPair, sign } from 'node:crypto'
import { promisify } from 'node:util'

export interface KeyAndRequest {
  readonly privateKeyPem: string
  readonly csrPem: string
}

/** P-256, as control-plane certificates are. */
export async function createKeyAndRequest(): Promise<KeyAndRequest> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  const info = sequence(
    INTEGER_0,
    EMPTY_NAME,
    publicKey.export({ type: 'spki', format: 'der' }),
    NO_ATTRIBUTES,
  )
  const signature = sign('sha256', info, privateKey)
  const der = sequence(info, ECDSA_WITH_SHA256, bitString(signature))
  return { privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, csrPem: pem(der) }
}

const SEQUENCE = 0x30
const BIT_STRING = 0x03

const element = (tag: number, content: Buffer): Buffer => {
  const { length } = content
  // X.690 8.1.3: short form below 128, else the number of length bytes and the length itself.
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(header), content])
}
const sequence = (...parts: Buffer[]): Buffer => element(SEQUENCE, Buffer.concat(parts))
const bitString = (content: Buffer): Buffer => element(BIT_STRING, Buffer.concat([Buffer.of(0), content]))

/** Version 0. */
const INTEGER_0 = Buffer.of(0x02, 0x01, 0x00)
const EMPTY_NAME = sequence()
/** `attributes [0] IMPLICIT SET OF`, with nothing in it. */
const NO_ATTRIBUTES = Buffer.of(0xa0, 0x00)
/** `AlgorithmIdentifier` of 1.2.840.10045.4.3.2 (RFC 5758 3.2: no parameters). */
const ECDSA_WITH_SHA256 = sequence(Buffer.of(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

/** Lines of 64 characters and none of them empty (RFC 7468 section 2). */
function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  const label = 'CERTIFICATE REQUEST'
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
