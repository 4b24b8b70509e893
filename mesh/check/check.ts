/** A check of what the schema cannot see, because it needs more than one place of the document. */
import type { MeshDocumentInput } from '../document.ts'
import type { Names } from '../names.ts'
import type { Path } from '../violation.ts'
import type { KnownNames } from './known-names.ts'

export interface CheckContext {
  /** Of the right shape; what was not has been taken out. */
  readonly document: MeshDocumentInput
  readonly names: Names
  readonly known: KnownNames
  /** True when a mistake at that place or below has been found already: what seems to be missing may be that. */
  readonly damaged: (path: Path) => boolean
  /** As many mistakes are known as are reported: what costs much to find or to word is no longer worth it. */
  readonly enough: () => boolean
  /** The document is refused. */
  readonly report: (path: Path, message: string) => void
  /** The document is accepted, but hardly means what its author thinks. */
  readonly warn: (path: Path, message: string) => void
}

export type Check = (context: CheckContext) => void
