/**
 * How every command ends. Scripts and CI depend on these numbers: `docs/reference/exit-codes.md` is the same
 * table for people, and a test holds the two together.
 */
export const EXIT_CODES = {
  /** Done, and nothing is wrong. */
  ok: 0,
  /** What was examined is wrong: the document has violations, or `check` found a fault. */
  wrong: 1,
  /** The command line is wrong: an unknown option, a malformed value, files that would be overwritten. */
  usage: 2,
  /** Something that is needed is not there: a file, a control plane, a proxy, a free port. */
  missing: 3,
  /** Refused by the control plane: who you are, or what changed in the meantime, does not allow it. */
  refused: 4,
  /** A defect of Selvage itself. */
  internal: 5,
  /** Accepted, but not in force everywhere within the time given. */
  late: 6,
} as const

export type ExitName = keyof typeof EXIT_CODES
