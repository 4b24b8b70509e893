/** `operator.json` in the state directory: how the command on the same machine reaches the control plane. */
import { readFileSync } from 'node:fs'
import { type OperatorFile, operatorFileSchema } from '../mesh/protocol.ts'
import { writePrivateFile } from './private-file.ts'

/** Undefined when there is none, or none that can be read: a new one is written then. */
export function readOperatorFile(path: string): OperatorFile | undefined {
  try {
    return operatorFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}

export const writeOperatorFile = (path: string, access: OperatorFile): void =>
  writePrivateFile(path, `${JSON.stringify(access, null, 2)}\n`)
