/** The picture of the running demo: plain text from plain data, and nothing else. */
import { percentile, type Second, type Split, shareOfV2, succeededShare, total } from './tally.ts'

export type StepState = 'waiting' | 'running' | 'held' | 'failed'

export interface StepView {
  readonly title: string
  state: StepState
  /** What it is doing, or what it found. */
  note: string
}

/** One way that calls take, with what both ends prove. */
export interface EdgeView {
  readonly from: string
  readonly to: string
  /** As the TLS connection says; undefined until it was observed. */
  protocol: string | undefined
  /** SPIFFE ID of the caller, as the callee's app was told. */
  caller: string | undefined
  /** SPIFFE ID of the callee, as the caller's sidecar checked it. */
  peer: string | undefined
}

export interface View {
  elapsedMs: number
  processes: number
  /** How calls get into the sidecars. */
  interception: string
  requests: number
  failed: number
  second: Second
  /** Share of v2 per second, in percent, oldest first. */
  readonly history: number[]
  wantedPercent: number
  betaTesters: Split
  readonly edges: readonly EdgeView[]
  readonly steps: readonly StepView[]
}

const BAR_WIDTH = 40
const SPARKS = ' ▁▂▃▄▅▆▇█'
const MARKS: Readonly<Record<StepState, string>> = { waiting: '·', running: '›', held: '✓', failed: '✗' }

export const ms = (value: number): string => (Number.isNaN(value) ? '–' : `${value.toFixed(1)} ms`)
export const percent = (value: number, digits = 1): string =>
  Number.isNaN(value) ? '–' : `${value.toFixed(digits)} %`
export const count = (value: number): string => value.toLocaleString('en-US')

/** `v1 ██████░░ v2`, by share. */
export function bar(split: Split): string {
  if (total(split) === 0) return '·'.repeat(BAR_WIDTH)
  const v2 = Math.round((shareOfV2(split) / 100) * BAR_WIDTH)
  return '█'.repeat(BAR_WIDTH - v2) + '░'.repeat(v2)
}

/** One character for each value of 0–100. */
export const sparkline = (shares: readonly number[]): string =>
  shares
    .map(share => SPARKS[Number.isNaN(share) ? 0 : Math.ceil((share / 100) * (SPARKS.length - 1))])
    .join('')

const short = (spiffeId: string | undefined): string => spiffeId?.replace(/^spiffe:\/\/[^/]+\//, '') ?? '…'

function edgeLine(edge: EdgeView): string {
  const name = `${edge.from} → ${edge.to}`.padEnd(21)
  return `  ${name} ${(edge.protocol ?? '…').padEnd(8)} ${short(edge.caller)} ⇄ ${short(edge.peer)}`
}

const trustDomainOf = (edges: readonly EdgeView[]): string => {
  const id = edges.find(edge => edge.caller !== undefined)?.caller
  return id === undefined ? '' : ` (spiffe://${id.split('/')[2]}/…)`
}

const stepLine = (step: StepView): string => `  ${MARKS[step.state]} ${step.title.padEnd(27)} ${step.note}`

/** One line about the last second. */
export function secondLine(view: View): string {
  const { second } = view
  const split = `v1 ${percent(100 - shareOfV2(second.split), 0)}, v2 ${percent(shareOfV2(second.split), 0)}`
  const latency = `p50 ${ms(percentile(second.latenciesMs, 50))}, p99 ${ms(percentile(second.latenciesMs, 99))}`
  return `${count(second.requests)} requests, ${percent(succeededShare(second))} succeeded, ${latency}, ${split}`
}

/** The whole picture, each line cut to `columns`. */
export function draw(view: View, columns: number): string[] {
  const { second } = view
  const lines = [
    `Selvage shop   ${Math.floor(view.elapsedMs / 1000)} s   ${view.processes} processes, every app behind its own sidecar`,
    ...`  ${view.interception}`.split('\n'),
    '',
    `TRAFFIC  ${count(second.requests)}/s   success ${percent(succeededShare(second))}   p50 ${ms(percentile(second.latenciesMs, 50))}   p99 ${ms(percentile(second.latenciesMs, 99))}   total ${count(view.requests)}, failed ${count(view.failed)}`,
    `SPLIT    v1 ${bar(second.split)} v2   ${percent(shareOfV2(second.split), 0)} to v2, wanted ${view.wantedPercent} %`,
    `  v2     ${sparkline(view.history.slice(-60))}`,
    `  beta testers: ${count(view.betaTesters['payments/v2'])} to v2, ${count(view.betaTesters['payments/v1'])} to v1`,
    '',
    `EDGES    TLS, caller ⇄ callee${trustDomainOf(view.edges)}`,
    ...view.edges.map(edgeLine),
    '',
    'STEPS',
    ...view.steps.map(stepLine),
  ]
  return lines.map(line => cut(line, columns))
}

/** Every character of ours takes one column. */
const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`
