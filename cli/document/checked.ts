import type { MeshDocumentInput } from '../../mesh/document.ts'
import { validate } from '../../mesh/validate.ts'
import type { Violation } from '../../mesh/violation.ts'
import { CommandError } from '../command-error.ts'
import { count } from '../terminal/terminal.ts'
import { type LoadedDocument, loadDocument, type Position } from './load.ts'

/** A violation, and where in the file it is, when the file's format tells. */
export interface PlacedViolation extends Violation {
  readonly file: string
  readonly line?: number
  readonly column?: number
}

export interface CheckedDocument extends Omit<LoadedDocument, 'value'> {
  readonly value: MeshDocumentInput
  readonly warnings: readonly PlacedViolation[]
}

export type Checked =
  | { readonly ok: true; readonly document: CheckedDocument }
  | {
      readonly ok: false
      readonly name: string
      readonly violations: readonly PlacedViolation[]
      readonly warnings: readonly PlacedViolation[]
    }

/** Every violation of a loaded document, each at its place. */
export function check(loaded: LoadedDocument): Checked {
  const place = (violations: readonly Violation[]): PlacedViolation[] =>
    violations.map(violation => ({ ...violation, file: loaded.name, ...at(loaded, violation.path) }))
  if (loaded.violations !== undefined) {
    return { ok: false, name: loaded.name, violations: place(loaded.violations), warnings: [] }
  }
  const checked = validate(loaded.value)
  const warnings = place(checked.warnings)
  if (checked.ok) return { ok: true, document: { ...loaded, value: checked.document, warnings } }
  return { ok: false, name: loaded.name, violations: place(checked.violations), warnings }
}

const at = (loaded: LoadedDocument, path: string): Partial<Position> => loaded.positionOf(path) ?? {}

/** Loads a document that has to be right; throws a `CommandError` that lists every violation. */
export async function loadChecked(given: string | undefined, cwd: string): Promise<CheckedDocument> {
  const checked = check(await loadDocument(given, cwd))
  if (checked.ok) return checked.document
  const { name, violations } = checked
  const list = violations.map(violation => `  ${lineOf(violation)}`).join('\n')
  throw new CommandError('wrong', `${name} has ${count(violations.length, 'violation')}:\n${list}`, {
    data: { file: name, violations },
  })
}

/** `mesh.yaml:12:5 routes[1].to: found …`. */
export function lineOf({ file, line, column, path, message }: PlacedViolation): string {
  const place = line === undefined ? '' : `${file}:${line}:${column} `
  return `${place}${path === '' ? '(document)' : path}: ${message}`
}
