/**
 * The conformance suite of HTTP/2 against a sidecar's mesh port, as a standard peer reaches it: mutual TLS, ALPN `h2`.
 * h2spec has no client certificate, so a small relay of ours makes the TLS connection for it.
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { serverName } from '../../mesh/protocol.ts'
import { httpApp } from '../support/app.ts'
import type { TestAuthority } from '../support/authority.ts'
import { chain } from '../support/chain.ts'
import { afterTest } from '../support/proxy.ts'
import { describeWith, rig } from '../support/rig.ts'

/** Of the groups generic, http2 and hpack. */
const TESTS = 145

/** A port of plain TCP that leads into TLS with the certificate of web. */
async function relayTo(port: number, authority: TestAuthority): Promise<number> {
  const { certificatePem, privateKeyPem } = await authority.leaf('web')
  const server = createServer({ allowHalfOpen: true }, plain => {
    const secure = connect({
      host: '127.0.0.1',
      port,
      servername: serverName(80, 'payments', 'payments', 'shop.internal'),
      ALPNProtocols: ['h2'],
      ca: authority.certificatePem,
      cert: certificatePem,
      key: privateKeyPem,
      checkServerIdentity: () => undefined,
    })
    for (const socket of [plain, secure]) socket.on('error', () => {})
    secure.on('close', () => plain.destroy())
    plain.on('close', () => secure.destroy())
    plain.pipe(secure).pipe(plain)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterTest(() => server.close())
  return (server.address() as AddressInfo).port
}

describeWith([rig('h2spec', '.ci/install-h2spec, and .rigs on the PATH')], 'h2spec', () => {
  test('passes whole: generic, http2 and hpack', { timeout: 180_000 }, async () => {
    const app = await httpApp('payments', (_message, response) => response.end('hello'))
    const { inner, authority } = await chain({ apps: [app.port] })
    const port = await relayTo(inner[0]!.port, authority)
    const args = ['-h', '127.0.0.1', '-p', String(port), 'generic', 'http2', 'hpack']
    const { stdout } = await promisify(execFile)('h2spec', args).catch(
      // Its exit code says only that something failed.
      (error: { stdout: string }) => error,
    )
    const lines = stdout.trim().split('\n')
    expect(lines.filter(line => line.includes('×'))).toEqual([])
    expect(lines.at(-1)).toBe(`${TESTS} tests, ${TESTS} passed, 0 skipped, 0 failed`)
  })
})
