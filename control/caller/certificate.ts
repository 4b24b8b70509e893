/** A workload's certificate over mTLS: chain, validity and the one name in it are checked here, by our clock. */
import { X509Certificate } from 'node:crypto'
import type { Clock } from '../../mesh/clock.ts'
import { workloadOf } from '../../mesh/protocol.ts'
import type { Authority, TrustRoot } from '../authority/authority.ts'
import { ABSENT, type Caller, proven, refused } from './caller.ts'

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

export function certificateCaller(options: { readonly authority: Authority; readonly clock: Clock }): Caller {
  const { authority, clock } = options
  const { trustDomain } = authority
  /** Root that signed it: a connection asks often, and a signature stays what it is. */
  const signers = new WeakMap<X509Certificate, string>()
  return {
    async prove({ certificate }) {
      if (certificate === undefined) return ABSENT
      const spiffeId = onlyUri(certificate)
      if (spiffeId === undefined) {
        return refused('the client certificate does not have exactly one name, a SPIFFE ID')
      }
      const signer = signers.get(certificate)
      const roots = await authority.trust()
      const root = roots.find(each => each.sha256 === signer) ?? roots.find(each => signed(each, certificate))
      if (root === undefined) return refused(`the certificate of ${spiffeId} is not from a CA of this mesh`)
      signers.set(certificate, root.sha256)
      const fault = faultOf(certificate, clock.now())
      if (fault !== undefined) return refused(`the certificate of ${spiffeId} ${fault}`)
      const workload = workloadOf(trustDomain, spiffeId)
      if (workload === undefined || workload === '') {
        return refused(`${spiffeId} is not a workload of the trust domain "${trustDomain}"`)
      }
      const notAfterMs = certificate.validToDate.getTime()
      return proven({ kind: 'workload', workload, spiffeId, notAfterMs })
    },
  }
}

/**
 * The URI SAN of a certificate that has this name and no other, as we issue them. Node quotes names with
 * unusual characters; those are nobody's.
 */
const onlyUri = (certificate: X509Certificate): string | undefined =>
  /^URI:(spiffe:\/\/[^\s",]+)$/.exec(certificate.subjectAltName ?? '')?.[1]

function signed(root: TrustRoot, certificate: X509Certificate): boolean {
  const issuer = new X509Certificate(root.certificate)
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function faultOf(certificate: X509Certificate, nowMs: number): string | undefined {
  if (certificate.ca) return 'is a CA, not a workload'
  if (certificate.keyUsage?.includes(CLIENT_AUTH) !== true) return 'is not for clients'
  if (certificate.validToDate.getTime() < nowMs) {
    return `expired at ${certificate.validToDate.toISOString()}`
  }
  if (certificate.validFromDate.getTime() > nowMs) {
    return `is not valid before ${certificate.validFromDate.toISOString()}`
  }
  return undefined
}
