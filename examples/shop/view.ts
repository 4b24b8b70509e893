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
  /** Idempotent requests without success: in this shop, GETs. */
  failed: number
  failedPosts: number
  second: Second
  /** Share of v2 per second, in percent, oldest first. */
  readonly history: number[]
  wantedPercent: number
  betaTesters: Split
  readonly edges: readonly EdgeView[]
  readonly steps: readonly StepView[]
}

const BAR_WIDTH = 32
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

const TITLE_WIDTH = 24
const NOTE_INDENT = ' '.repeat(TITLE_WIDTH + 6)
const LEAST_NOTE_WIDTH = 20

/** A step and its note, which goes on below when it is long. */
function stepLines(step: StepView, columns: number): Line[] {
  const title = `  ${MARKS[step.state]} ${step.title.padEnd(TITLE_WIDTH)}  `
  const [first = '', ...rest] = wrap(step.note, Math.max(LEAST_NOTE_WIDTH, columns - title.length))
  return [
    { text: title + first, rank: ALWAYS },
    ...rest.map(text => ({ text: NOTE_INDENT + text, rank: CONTINUED })),
  ]
}

/** Lines of whole words; a word that is longer than `width` has a line of its own. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** What failed, as people count it. */
const failures = (gets: number, posts: number): string =>
  `${several(gets, 'GET')}, ${several(posts, 'POST')} failed`

/** `1 POST`, `2 POSTs`. */
export const several = (number: number, noun: string): string =>
  `${count(number)} ${noun}${number === 1 ? '' : 's'}`

/** One line about the last second. */
export function secondLine(view: View): string {
  const { second } = view
  const split = `v1 ${percent(100 - shareOfV2(second.split), 0)}, v2 ${percent(shareOfV2(second.split), 0)}`
  const latency = `p50 ${ms(percentile(second.latenciesMs, 50))}, p99 ${ms(percentile(second.latenciesMs, 99))}`
  const failed =
    second.failed === 0 ? '' : ` (${failures(second.failed - second.failedPosts, second.failedPosts)})`
  return `${count(second.requests)} requests, ${percent(succeededShare(second))} succeeded${failed}, ${latency}, ${split}`
}

/** Why a POST may fail where no GET does. */
export const WHAT_COUNTS = 'A GET is tried again; a POST is not, once an app may have it.'

/** A line and when it is given up for want of rows: the highest rank goes first, `ALWAYS` never. */
interface Line {
  readonly text: string
  readonly rank: number
}

const ALWAYS = 0
const CONTINUED = 1
const EDGE = 2
const HISTORY = 3
const DETAIL = 4
const EXPLANATION = 5
const BLANK = 6
const blank: Line = { text: '', rank: BLANK }
const at =
  (rank: number) =>
  (text: string): Line => ({ text, rank })

/** The whole picture: no more than `rows` lines, each cut to `columns`. */
export function draw(view: View, columns: number, rows: number): string[] {
  const { second } = view
  const latency = `p50 ${ms(percentile(second.latenciesMs, 50))}   p99 ${ms(percentile(second.latenciesMs, 99))}`
  const lines: Line[] = [
    at(ALWAYS)(
      `Selvage shop   ${Math.floor(view.elapsedMs / 1000)} s   ${view.processes} processes, every app behind its own sidecar`,
    ),
    ...`  ${view.interception}`.split('\n').map(at(EXPLANATION)),
    blank,
    at(ALWAYS)(
      `TRAFFIC  ${count(second.requests)}/s   success ${percent(succeededShare(second))}   ${latency}`,
    ),
    at(ALWAYS)(`TOTAL    ${count(view.requests)} requests: ${failures(view.failed, view.failedPosts)}`),
    ...wrap(WHAT_COUNTS, columns - 2).map(text => at(EXPLANATION)(`  ${text}`)),
    at(ALWAYS)(
      `SPLIT    v1 ${bar(second.split)} v2   ${percent(shareOfV2(second.split), 0)} to v2, wanted ${view.wantedPercent} %`,
    ),
    at(HISTORY)(`  v2     ${sparkline(view.history.slice(-60))}`),
    at(DETAIL)(
      `  beta testers: ${count(view.betaTesters['payments/v2'])} to v2, ${count(view.betaTesters['payments/v1'])} to v1`,
    ),
    blank,
    at(EDGE)(`EDGES    TLS, caller ⇄ callee${trustDomainOf(view.edges)}`),
    ...view.edges.map(edgeLine).map(at(EDGE)),
    blank,
    at(DETAIL)('STEPS'),
    ...view.steps.flatMap(step => stepLines(step, columns)),
  ]
  return fitted(lines, rows).map(({ text }) => cut(text, columns))
}

function fitted(lines: readonly Line[], rows: number): Line[] {
  const fitting = [...lines]
  while (fitting.length > rows) {
    const highest = Math.max(...fitting.map(({ rank }) => rank))
    fitting.splice(
      fitting.findLastIndex(({ rank }) => rank === highest),
      1,
    )
  }
  return fitting
}

/** Every character of ours takes one column. */
const cut = (line: string, columns: number): string =>
  line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`
