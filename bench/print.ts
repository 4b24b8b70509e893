/** Rows as tables: for the terminal, and for docs/performance.md. */
import { FIGURE_DIGITS, type Figure, PEERS, type Row } from './row.ts'
import type { Work } from './works.ts'

const HEADINGS: Readonly<Record<Figure, string>> = {
  cpuMicrosPerRequest: 'CPU µs/request',
  requestsPerSecond: 'requests/s',
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
  readyMs: 'ready ms',
  idleMiB: 'idle MiB',
  busyMiB: 'busy MiB',
  largeBodiesMiB: '10 MB bodies MiB',
  cpuMillisPerSecond: 'CPU ms/s',
}

const NOTHING = '–'

/** The table of one work as rows of cells, headings first. Figures that nobody has make no column. */
function table(work: Work, rows: readonly Row[]): string[][] {
  const figures = (Object.keys(HEADINGS) as Figure[]).filter(figure =>
    rows.some(row => (row[figure] ?? null) !== null),
  )
  const peers = PEERS.filter(peer => rows.some(row => row.ratioTo[peer] !== null))
  const number = (value: number | null | undefined, digits: number) =>
    value === null || value === undefined ? NOTHING : value.toFixed(digits)
  const digits = (figure: Figure) => Math.min(2, FIGURE_DIGITS[figure])
  const range = (row: Row) =>
    row.spread === null ? NOTHING : row.spread.map(value => number(value, digits(work.main))).join('–')
  return [
    ['subject', ...figures.map(figure => HEADINGS[figure]), 'spread', ...peers.map(peer => `to ${peer}`)],
    ...rows.map(row => [
      row.subject,
      ...figures.map(figure => number(row[figure], digits(figure))),
      range(row),
      ...peers.map(peer => number(row.ratioTo[peer], 2)),
    ]),
  ]
}

/** Other programs always use a little. */
const QUIET_CORES = 0.1

/** Why rows are void, and what proves that the policies were at work; and whether the machine was quiet. */
function remarks(rows: readonly Row[]): string[] {
  const others = rows[0]?.coresUsedByOthers ?? 0
  return [
    ...rows.flatMap(({ subject, voidBecause, proof = [] }) => [
      ...(voidBecause === undefined ? [] : [`${subject}: void, ${voidBecause}`]),
      ...proof.map(text => `${subject}: ${text}`),
    ]),
    ...(others > QUIET_CORES ? [`noisy: other programs used ${others.toFixed(1)} cores meanwhile`] : []),
  ]
}

/** Aligned for a terminal. */
export function terminalTable(work: Work, rows: readonly Row[]): string {
  const lines = table(work, rows)
  const width = (column: number) => Math.max(...lines.map(line => (line[column] as string).length))
  const align = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(width(column)) : cell.padStart(width(column))
  return [
    `${work.name}: ${work.about}`,
    ...lines.map(line => line.map(align).join('  ')),
    ...remarks(rows),
  ].join('\n')
}

/** The same in Markdown. */
export function markdownTable(work: Work, rows: readonly Row[]): string {
  const [headings = [], ...lines] = table(work, rows)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = headings.map((_, column) => (column === 0 ? '---' : '--:'))
  const notes = remarks(rows).map(text => `- ${text}`)
  return [
    `### \`${work.name}\`: ${work.about}`,
    '',
    ...[headings, rule, ...lines].map(line),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n')
}
