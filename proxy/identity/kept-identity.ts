/** The identity in the state directory: one file, so that key and certificate are never of two minds. */
import { z } from 'zod'
import { workloadOf } from '../../mesh/protocol.ts'
import type { StateDir } from '../state-dir.ts'
import type { Log } from '../telemetry/log.ts'
import { type Identity, readIdentity } from './identity.ts'

const keptSchema = z.object({
  certificate: z.string(),
  privateKey: z.string(),
  trustBundle: z.array(z.string()),
})

/** What was kept, if it is this workload's and valid now; otherwise the log says why not. */
export function keptIdentity(
  state: StateDir,
  workload: string,
  nowMs: number,
  log: Log,
): Identity | undefined {
  const text = state.read('identity.json')
  if (text === undefined) return undefined
  try {
    const { certificate, privateKey, trustBundle } = keptSchema.parse(JSON.parse(text))
    const identity = readIdentity(certificate, privateKey, trustBundle)
    if (workloadOf(identity.trustDomain, identity.spiffeId) !== workload) {
      throw new Error(`it is of ${identity.spiffeId}, expected workload ${workload}`)
    }
    if (identity.notAfterMs <= nowMs)
      throw new Error(`it ended at ${new Date(identity.notAfterMs).toISOString()}`)
    return identity
  } catch (error) {
    const reason =
      error instanceof z.ZodError || error instanceof SyntaxError
        ? 'the file is damaged'
        : (error as Error).message
    log.warn({ event: 'kept-certificate-unusable', reason }, `the kept certificate cannot be used: ${reason}`)
    return undefined
  }
}

/** A directory that cannot be written is worth a line, not an outage. */
export async function keepIdentity(state: StateDir, identity: Identity, log: Log): Promise<void> {
  const { certificatePem: certificate, privateKeyPem: privateKey, trustBundle } = identity
  try {
    await state.write('identity.json', JSON.stringify({ certificate, privateKey, trustBundle }))
  } catch (error) {
    const reason = (error as Error).message
    log.error({ event: 'state-not-kept', reason }, `the certificate is not kept over a restart: ${reason}`)
  }
}
