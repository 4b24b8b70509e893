import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { describe, expect, test } from 'vitest'
import { createKeyAndRequest } from '../../../proxy/identity/csr.ts'
import { readIdentity, splitPem } from '../../../proxy/identity/identity.ts'
import { spiffeIdOf } from '../../../proxy/identity/spiffe-id.ts'
import { createAuthority } from '../../support/authority.ts'

describe('readIdentity', () => {
  test('tells who the certificate is for and when it ends', async () => {
    const authority = await createAuthority('shop')
    const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000)
    expect(await authority.identity('payments/v1', { notAfter })).toMatchObject({
      spiffeId: 'spiffe://shop/workload/payments/v1',
      trustDomain: 'shop',
      notAfterMs: notAfter.getTime(),
    })
  })

  test('refuses a key that does not belong to the certificate, without quoting it', async () => {
    const authority = await createAuthority()
    const [one, other] = await Promise.all([authority.leaf('web'), authority.leaf('web')])
    expect(() => readIdentity(one.certificatePem, other.privateKeyPem, [authority.certificatePem])).toThrow(
      'private key: it does not belong to the certificate of spiffe://shop/workload/web',
    )
    expect(() => readIdentity(one.certificatePem, 'nonsense-key', [authority.certificatePem])).toThrow(
      /^private key: expected an unencrypted key as PEM$/,
    )
  })

  test('refuses an empty trust bundle', async () => {
    const { certificatePem, privateKeyPem } = await (await createAuthority()).leaf('web')
    expect(() => readIdentity(certificatePem, privateKeyPem, [])).toThrow(
      'trust bundle: it holds no certificate',
    )
  })
})

describe('spiffeIdOf', () => {
  const idOf = async (uris: readonly string[]) => {
    const { certificatePem } = await (await createAuthority()).leaf('web', { uris })
    return spiffeIdOf(new X509Certificate(certificatePem))
  }

  test('refuses a certificate without a URI name, or with two', async () => {
    await expect(idOf([])).rejects.toThrow('the certificate has 0 URI names, expected exactly one')
    await expect(idOf(['spiffe://shop/workload/a', 'spiffe://shop/workload/b'])).rejects.toThrow(
      'has 2 URI names',
    )
  })

  test('refuses a URI that is no SPIFFE ID, or one that smuggles separators', async () => {
    await expect(idOf(['https://shop/workload/a'])).rejects.toThrow('expected a SPIFFE ID')
    await expect(idOf(['spiffe://shop'])).rejects.toThrow('expected a SPIFFE ID')
    await expect(idOf(['spiffe://shop/workload/a, URI:spiffe://shop/workload/b'])).rejects.toThrow(
      /quoting|SPIFFE/,
    )
  })

  test('refuses the certificate of an authority', async () => {
    const authority = await createAuthority()
    expect(() => spiffeIdOf(new X509Certificate(authority.certificatePem))).toThrow('is one of an authority')
  })
})

test('createKeyAndRequest makes a request that another library reads and whose signature holds', async () => {
  // Signatures, and with them the lines of the PEM, differ in length.
  for (let i = 0; i < 20; i++) {
    const { csrPem, privateKeyPem } = await createKeyAndRequest()
    const request = new x509.Pkcs10CertificateRequest(csrPem)
    expect(await request.verify()).toBe(true)
    expect(request.subject).toBe('')
    expect(privateKeyPem).toContain('BEGIN PRIVATE KEY')
  }
})

test('splitPem gives each certificate of a bundle', async () => {
  const [one, two] = await Promise.all([createAuthority('a'), createAuthority('b')])
  const parts = splitPem(`# comment\n${one.certificatePem}\n\n${two.certificatePem}`)
  expect(parts.map(pem => new X509Certificate(pem).subject)).toEqual([
    'CN=Test root of a',
    'CN=Test root of b',
  ])
})
