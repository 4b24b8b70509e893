/** One thing that the demo does to the running shop. */
import type { Findings } from './findings.ts'
import type { Shop } from './shop.ts'
import type { Tally } from './tally.ts'
import type { Edge } from './traffic.ts'
import type { EdgeView } from './view.ts'

export interface Stage {
  readonly shop: Shop
  readonly tally: Tally
  readonly findings: Findings
  /** What callees' apps were told about their callers, latest first. */
  readonly callers: ReadonlyMap<string, Edge>
  readonly edges: EdgeView[]
  /** Says what the step is doing at the moment. */
  say(note: string): void
  /** The share that the operator wants from now on. */
  wantPercent(percent: number): void
}

export interface Step {
  readonly title: string
  /**
   * Resolves with what was found, in one sentence.
   * @throws when what should happen did not
   */
  run(stage: Stage): Promise<string>
}
