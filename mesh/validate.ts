/** Everything that is wrong with a document, all at once. */
import { checks } from './check/checks.ts'
import { type KnownNames, knownNames } from './check/known-names.ts'
import { type MeshDocumentInput, meshDocumentSchema } from './document.ts'
import { type Finding, findingsOf, MAX_FINDINGS, valueAt } from './issue.ts'
import { namesOf } from './names.ts'
import { plainCopy } from './plain.ts'
import { type Edit, type Origins, originalPath, prune } from './prune.ts'
import { formatPath, type Path, type Violation } from './violation.ts'

export type Validation =
  | {
      readonly ok: true
      /** A fresh copy of the value, as plain data. */
      readonly document: MeshDocumentInput
      readonly violations: readonly []
      readonly warnings: readonly Violation[]
    }
  | {
      readonly ok: false
      readonly violations: readonly Violation[]
      /** What works, but hardly as it was meant: names that are pending, routes that are never reached. */
      readonly warnings: readonly Violation[]
    }

/**
 * Checks a value against the schema and what it means: every violation, with what was found, what was expected and
 * the nearest valid name. Never throws, whatever the value is.
 */
export function validate(value: unknown): Validation {
  const { copy, findings: strange } = plainCopy(value)
  const shape = checkShape(copy)
  const violations = [...strange, ...shape.findings]
  const warnings: Finding[] = []
  if (shape.rest !== undefined) {
    const { rest, origins } = shape
    const relocate = (findings: readonly Finding[]) =>
      findings.map(({ path, message }) => ({ path: originalPath(path, rest, origins), message }))
    const wrong = shape.findings.map(({ path }) => path)
    const damaged = (path: Path) => wrong.some(startsWith(originalPath(path, rest, origins)))
    const meaning = checkMeaning(rest, knownNames(copy), damaged)
    for (const finding of relocate(meaning.violations)) violations.push(finding)
    for (const finding of relocate(meaning.warnings)) warnings.push(finding)
  }
  if (violations.length > 0)
    return { ok: false, violations: cut(violations).map(format), warnings: warnings.map(format) }
  return { ok: true, document: copy as MeshDocumentInput, violations: [], warnings: warnings.map(format) }
}

/** Says so where there are more than anybody reads. */
const cut = (findings: readonly Finding[]): readonly Finding[] =>
  findings.length <= MAX_FINDINGS
    ? findings
    : [
        ...findings.slice(0, MAX_FINDINGS),
        { path: [], message: `found more than ${MAX_FINDINGS} violations; these are the first` },
      ]

const startsWith =
  (prefix: Path) =>
  (path: Path): boolean =>
    prefix.every((key, index) => path[index] === key)

const format = ({ path, message }: Finding): Violation => ({ path: formatPath(path), message })

interface Shape {
  readonly findings: readonly Finding[]
  /** What is left without the mistakes; undefined when that is nothing. */
  readonly rest: MeshDocumentInput | undefined
  readonly origins: Origins
}

/** Each round takes out what is wrong; taking out a member may leave its owner without something that it needs. */
const MAX_ROUNDS = 8

function checkShape(value: unknown): Shape {
  const origins: Origins = new WeakMap()
  let rest = value
  let findings: readonly Finding[] | undefined
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const parsed = meshDocumentSchema.safeParse(rest)
    if (parsed.success) return { findings: findings ?? [], rest: rest as MeshDocumentInput, origins }
    const wrong = findingsOf(parsed.error.issues, rest, meshDocumentSchema)
    findings ??= wrong
    if (wrong.length > MAX_FINDINGS || wrong.some(({ path }) => path.length === 0)) break
    const before = rest
    rest = prune(
      before,
      wrong.map(({ path }) => mend(path, before)),
      origins,
    )
  }
  return { findings: findings ?? [], rest: undefined, origins }
}

/** Stands for what its owner cannot be without, so that the rest of the owner is checked. Checks leave it alone. */
const PLACEHOLDERS: Readonly<Record<string, unknown>> = {
  name: 'mesh',
  service: '-',
  to: '-',
  from: '-',
  target: '-',
  targetPort: 1,
}

/** Takes out what is wrong; what is missing is put there or, where nothing harmless can be, its owner taken out. */
function mend(path: Path, value: unknown): Edit {
  if (path.length === 0 || valueAt(value, path) !== undefined) return { path }
  const instead = PLACEHOLDERS[String(path.at(-1))]
  return instead === undefined && path.length > 1 ? { path: path.slice(0, -1) } : { path, instead }
}

/** Checks that need more than one place of the document. */
export function checkMeaning(
  document: MeshDocumentInput,
  known: KnownNames,
  damaged: (path: Path) => boolean = () => false,
): { readonly violations: readonly Finding[]; readonly warnings: readonly Finding[] } {
  const violations: Finding[] = []
  const warnings: Finding[] = []
  const context = {
    document,
    names: namesOf(document),
    known,
    damaged,
    enough: () => violations.length > MAX_FINDINGS,
    report: (path: Path, message: string) => {
      if (violations.length <= MAX_FINDINGS) violations.push({ path, message })
    },
    warn: (path: Path, message: string) => {
      if (warnings.length < MAX_FINDINGS) warnings.push({ path, message })
    },
  }
  for (const check of checks) if (!context.enough()) check(context)
  return { violations, warnings }
}
