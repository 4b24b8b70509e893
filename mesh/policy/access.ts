/** Who may call what. Enforced by the callee's own sidecar. */
import type { StringMatch } from '../match.ts'

export interface AccessRule {
  /** Its name, or its place in the document (`access[3]`): what a refusal quotes. */
  readonly name: string
  readonly action: 'allow' | 'deny'
  readonly mode: 'enforce' | 'shadow'
  /** Workload names, resolved (a service stands for all its workloads); `*`: any proven identity. */
  readonly from: readonly string[]
  /** Service or workload names, as written. */
  readonly to: readonly string[]
  /** Upper case; empty: any. */
  readonly methods: readonly string[]
  /** `/charges/*` is a prefix of whole text up to `*`; otherwise exact. Empty: any. */
  readonly paths: readonly string[]
  readonly ports: readonly number[]
  readonly headers: Readonly<Record<string, StringMatch>>
}
