import { type ControlPlane, Refusal, startControlPlane } from '../../control/index.ts'
import type { Accepted } from '../../mesh/protocol.ts'
import { CommandError } from '../command-error.ts'
import type { CheckedDocument } from '../document/checked.ts'
import type { DevOptions } from './options.ts'

/** Starts the control plane for this document; throws a `CommandError` with what is in the way. */
export async function startControl(document: CheckedDocument, options: DevOptions): Promise<ControlPlane> {
  const { name, trustDomain } = document.value
  try {
    return await startControlPlane({
      meshName: name,
      trustDomain,
      stateDir: options.stateDir,
      port: options.port,
    })
  } catch (error) {
    throw new CommandError('missing', `the control plane does not start: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Publishes the document; throws a `CommandError` with the reason of a refusal. */
export async function publish(control: ControlPlane, document: CheckedDocument): Promise<Accepted> {
  try {
    return await control.apply(document.value)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const violations = error.details.violations ?? []
    const list = violations.map(({ path, message }) => `\n  ${path}: ${message}`).join('')
    throw new CommandError('wrong', `${document.name} is refused: ${error.message}${list}`, {
      data: { violations },
      cause: error,
    })
  }
}
