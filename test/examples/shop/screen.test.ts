import { describe, expect, it } from 'vitest'
import { screenOn } from '../../../examples/shop/screen.ts'
import { noSecond } from '../../../examples/shop/tally.ts'
import { bar, draw, sparkline, type View } from '../../../examples/shop/view.ts'

const view = (): View => ({
  elapsedMs: 12_345,
  processes: 15,
  interception: 'explicit',
  requests: 3_200,
  failed: 0,
  failedPosts: 2,
  second: {
    ...noSecond(),
    requests: 280,
    split: { 'payments/v1': 225, 'payments/v2': 25 },
    latenciesMs: [1, 2, 30],
  },
  history: [10, 50],
  wantedPercent: 10,
  betaTesters: { 'payments/v1': 0, 'payments/v2': 310 },
  edges: [
    {
      from: 'web',
      to: 'payments/v1',
      protocol: 'TLSv1.3',
      caller: 'spiffe://shop.internal/workload/web',
      peer: 'spiffe://shop.internal/workload/payments/v1',
    },
  ],
  steps: [{ title: 'shift the canary', state: 'held', note: 'enforced after 12 ms' }],
})

/** A hand-written terminal that keeps what was written. */
function fakeTerminal(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, columns: 80, rows: 24, write: (text: string) => written.push(text), written }
}

describe('draw', () => {
  it('shows split, success, latency, identities and steps', () => {
    const picture = draw(view(), 120, 40).join('\n')
    for (const word of [
      '280/s',
      '100.0 %',
      '2.0 ms',
      '30.0 ms',
      '10 % to v2',
      'TLSv1.3',
      '✓ shift the canary',
    ]) {
      expect(picture).toContain(word)
    }
    expect(picture).toContain('workload/web ⇄ workload/payments/v1')
    expect(picture).toContain('spiffe://shop.internal')
  })

  it('never draws wider than the terminal', () => {
    expect(Math.max(...draw(view(), 40, 40).map(line => line.length))).toBe(40)
  })

  it('says how many failed, GETs and POSTs, within 80 columns', () => {
    const total = draw(view(), 80, 24).find(line => line.startsWith('TOTAL'))
    expect(total).toBe('TOTAL    3,200 requests: 0 GETs, 2 POSTs failed')
  })

  it('goes on below where a note is longer than the line', () => {
    const note = `of 1,812, 0 GETs failed, 1 POST cut off; tried again: 13 unsent, 2 unanswered; back after 12.1 s`
    const steps = [{ title: 'kill its sidecar', state: 'held' as const, note }]
    const lines = draw({ ...view(), steps }, 80, 40)
    const from = lines.findIndex(line => line.includes('kill its sidecar'))
    expect(lines[from]).toContain('of 1,812')
    expect(
      lines
        .slice(from + 1)
        .join(' ')
        .replace(/\s+/g, ' '),
    ).toContain('back after 12.1 s')
  })

  it.each([24, 12, 3])('has at most %d lines, and gives up its explanations and blank lines first', rows => {
    const steps = Array.from({ length: 9 }, (_, n) => ({ ...view().steps[0]!, title: `step ${n}` }))
    const whole = draw({ ...view(), steps }, 80, Number.POSITIVE_INFINITY)
    const lines = draw({ ...view(), steps }, 80, rows)
    expect(whole.length).toBeGreaterThan(rows === 24 ? 20 : rows)
    expect(lines.length).toBeLessThanOrEqual(rows)
    expect(lines[1]).toMatch(rows === 24 ? /interception|TRAFFIC|explicit/ : /TRAFFIC/)
  })

  it('draws before there was any traffic', () => {
    expect(draw({ ...view(), second: noSecond() }, 80, 24).join('\n')).toContain('success –')
  })
})

describe('bar and sparkline', () => {
  it('grow with the share of v2', () => {
    expect(bar({ 'payments/v1': 3, 'payments/v2': 1 })).toBe('█'.repeat(24) + '░'.repeat(8))
    expect(sparkline([0, 50, 100])).toBe(' ▄█')
  })
})

describe('screenOn', () => {
  it('redraws in place on a terminal and leaves it as it was, with the last picture', () => {
    const terminal = fakeTerminal(true)
    const screen = screenOn(terminal)
    screen.draw(view())
    screen.note(view(), 'nothing of the log')
    screen.close()
    screen.close()
    const text = terminal.written.join('')
    expect(text.split('\x1b[?1049h')).toHaveLength(2)
    expect(text.split('\x1b[?1049l')).toHaveLength(2)
    expect(text.slice(text.indexOf('\x1b[?1049l'))).toContain('enforced after 12 ms')
    expect(text).not.toContain('nothing of the log')
  })

  it('does not scroll its first line away: nothing follows the last row', () => {
    const terminal = { ...fakeTerminal(true), rows: 4 }
    screenOn(terminal).draw(view())
    const picture = terminal.written.at(-1)!
    expect(picture.split('\n')).toHaveLength(4)
    expect(picture.endsWith('\n')).toBe(false)
  })

  it('says of a second in which something failed what that was', () => {
    const terminal = fakeTerminal(false)
    const second = { ...view().second, failed: 3, failedPosts: 3 }
    screenOn(terminal).second({ ...view(), second })
    expect(terminal.written[0]).toContain('98.9 % succeeded (0 GETs, 3 POSTs failed)')
  })

  it('writes one plain line per second and note anywhere else', () => {
    const terminal = fakeTerminal(false)
    const screen = screenOn(terminal)
    screen.draw(view())
    screen.second(view())
    screen.note(view(), 'killed payments-v1-a')
    screen.close()
    expect(terminal.written).toHaveLength(2)
    expect(terminal.written.join('')).not.toContain('\x1b')
    expect(terminal.written[0]).toMatch(
      /^\[ 12 s\] 280 requests, 100\.0 % succeeded, p50 2\.0 ms, p99 30\.0 ms, v1 90 %, v2 10 %\n$/,
    )
    expect(terminal.written[1]).toBe('[ 12 s] killed payments-v1-a\n')
  })
})
