import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../../proxy/clock.ts'
import { FileIdentity } from '../../../proxy/identity/files.ts'
import type { Identity } from '../../../proxy/identity/identity.ts'
import { createAuthority } from '../../support/authority.ts'
import { keptLog } from '../../support/log.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { until } from '../../support/until.ts'

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

const put = (directory: string, file: string, text: string) => {
  writeFileSync(join(directory, `.${file}`), text)
  renameSync(join(directory, `.${file}`), join(directory, file))
}

function putAll(directory: string, { certificatePem, privateKeyPem, trustBundle }: Identity) {
  put(directory, 'cert.pem', certificatePem)
  put(directory, 'key.pem', privateKeyPem)
  put(directory, 'bundle.pem', trustBundle.join(''))
}

function begin(directory: string) {
  const log = keptLog()
  const identities: Identity[] = []
  const givenUp: Error[] = []
  stops.push(
    new FileIdentity({ directory, clock: systemClock, log }).watch(
      identity => identities.push(identity),
      reason => givenUp.push(reason),
    ),
  )
  return { log, identities, givenUp }
}

describe('FileIdentity', () => {
  test('reads the directory, and takes what is put there later as a whole', async () => {
    const authority = await createAuthority()
    const directory = tempFolder()
    const [first, second] = await Promise.all([authority.identity('web'), authority.identity('web')])
    putAll(directory, first)
    const { identities } = begin(directory)
    expect(identities.map(({ serialNumber }) => serialNumber)).toEqual([first.serialNumber])
    putAll(directory, second)
    await until('it is taken', () => identities.length === 2)
    expect(identities[1]?.serialNumber).toBe(second.serialNumber)
  })

  test('keeps what it has while certificate and key do not belong together, and says so', async () => {
    const authority = await createAuthority()
    const directory = tempFolder()
    const [first, second] = await Promise.all([authority.identity('web'), authority.identity('web')])
    putAll(directory, first)
    const { identities, log } = begin(directory)
    put(directory, 'cert.pem', second.certificatePem)
    const line = await until('it is logged', () => log.of('certificate-failed')[0])
    expect(line.reason).toContain('private key: it does not belong to the certificate')
    expect(identities).toHaveLength(1)
    put(directory, 'key.pem', second.privateKeyPem)
    await until('it is taken', () => identities.length === 2)
  })

  test('gives up when there is nothing to begin with', () => {
    const { givenUp } = begin('/nowhere')
    expect(givenUp[0]?.message).toMatch(/^identity directory \/nowhere: ENOENT/)
  })
})
