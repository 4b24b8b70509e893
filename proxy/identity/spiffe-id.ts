/** The SPIFFE ID in a certificate (SPIFFE X.509-SVID, sections 2 and 5.2). */
import type { X509Certificate } from 'node:crypto'

/** Of the ID as a whole: SPIFFE-ID, section 2.3. */
const MAX_LENGTH = 2048
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]+(\/[A-Za-z0-9._-]+)+$/

/**
 * The one URI SAN of an end-entity certificate. Throws an `Error` with the reason when there is none, more than
 * one, or when it is not a SPIFFE ID with a path.
 */
export function spiffeIdOf(certificate: X509Certificate): string {
  if (certificate.ca) throw new Error('the certificate is one of an authority, not of a workload')
  const names = certificate.subjectAltName ?? ''
  // Node quotes names that hold separators; none of those can be a SPIFFE ID.
  if (names.includes('"'))
    throw new Error('the certificate has a subject alternative name that needs quoting')
  const uris = names.split(', ').filter(each => each.startsWith('URI:'))
  if (uris.length !== 1) throw new Error(`the certificate has ${uris.length} URI names, expected exactly one`)
  const id = uris[0]?.slice('URI:'.length) ?? ''
  if (id.length > MAX_LENGTH || !SPIFFE_ID.test(id)) {
    throw new Error(`the certificate names "${id.slice(0, 200)}", expected a SPIFFE ID with a path`)
  }
  return id
}
