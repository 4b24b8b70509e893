/** Names that can be DNS names. */
import { nameProblem } from '../name.ts'
import { quote } from '../violation.ts'
import type { Check } from './check.ts'

export const checkNames: Check = ({ known, report }) => {
  for (const { name, path } of known.written) {
    const problem = nameProblem(name)
    if (problem !== undefined) report(path, `found the name ${quote(name)}, ${problem}`)
  }
}
