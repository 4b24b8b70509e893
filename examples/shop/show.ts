/** One run of the demo: traffic, steps and picture together, and what came of it. */
import { monotonicMs, waitFor } from './clock.ts'
import { type Findings, noFindings } from './findings.ts'
import { play, STEPS } from './plot.ts'
import type { Screen } from './screen.ts'
import type { Shop } from './shop.ts'
import type { Step } from './step.ts'
import { CANARY_PERCENT, problemsOf, type Summary, shiftProblem, summarise } from './summary.ts'
import { noSecond, type Outcome, shareOfV2, Tally } from './tally.ts'
import { type Edge, Traffic } from './traffic.ts'
import type { EdgeView, StepView, View } from './view.ts'

const DRAW_MS = 250
const SETTLE_MS = 25_000
/** Lines of each kind that are shown when something did not hold. */
const EVIDENCE = 5

const edge = (from: string, to: string): EdgeView => ({
  from,
  to,
  protocol: undefined,
  caller: undefined,
  peer: undefined,
})

const EDGES = [
  ['web', 'payments/v1'],
  ['web', 'payments/v2'],
  ['web', 'orders'],
  ['orders', 'payments/v1'],
  ['orders', 'payments/v2'],
] as const

export interface Result {
  readonly summary: Summary
  /** One sentence for each thing that did not hold. */
  readonly problems: readonly string[]
  readonly failures: readonly Outcome[]
}

export class Show {
  private readonly shop: Shop
  private readonly screen: Screen
  private readonly tally = new Tally()
  private readonly findings: Findings = noFindings()
  private readonly callers = new Map<string, Edge>()
  private readonly edges = EDGES.map(([from, to]) => edge(from, to))
  private readonly stepViews = new Map<Step, StepView>(
    STEPS.map(step => [step, { title: step.title, state: 'waiting', note: '' }]),
  )
  private readonly view: View
  private readonly startedMs: number

  constructor(shop: Shop, screen: Screen, startedMs: number) {
    this.shop = shop
    this.screen = screen
    this.startedMs = startedMs
    this.view = {
      elapsedMs: 0,
      processes: 0,
      interception: shop.interception,
      requests: 0,
      failed: 0,
      failedPosts: 0,
      second: noSecond(),
      history: [],
      wantedPercent: CANARY_PERCENT,
      betaTesters: this.tally.betaTesters,
      edges: this.edges,
      steps: [...this.stepViews.values()],
    }
  }

  async run(): Promise<Result> {
    const traffic = new Traffic(this.shop.member('web').appUrl, this.tally)
    traffic.onEdge = seen => this.callers.set(`${seen.caller.split('/').at(-1)} → ${seen.callee}`, seen)
    traffic.start()
    const seconds = setInterval(() => this.nextSecond(), 1_000)
    const frames = setInterval(() => this.screen.draw(this.refreshed()), DRAW_MS)
    try {
      await Promise.race([play(step => this.runStep(step)), this.casualty()])
      traffic.stop()
      await waitFor('the last answers', SETTLE_MS, () => traffic.idle)
    } finally {
      traffic.stop()
      clearInterval(seconds)
      clearInterval(frames)
    }
    this.screen.draw(this.refreshed())
    return this.result()
  }

  private async runStep(step: Step): Promise<boolean> {
    const view = this.stepViews.get(step)!
    const { shop, tally, findings, callers, edges } = this
    const say = (note: string) => {
      view.note = note
      this.screen.note(this.refreshed(), `${step.title}: ${note}`)
    }
    const wantPercent = (percent: number) => {
      this.view.wantedPercent = percent
    }
    view.state = 'running'
    try {
      const found = await step.run({ shop, tally, findings, callers, edges, say, wantPercent })
      view.state = 'held'
      say(found)
      return true
    } catch (error) {
      view.state = 'failed'
      say(messageOf(error))
      findings.problems.push(`${step.title}: ${messageOf(error)}`)
      return false
    }
  }

  private result(): Result {
    const { tally, findings, shop } = this
    findings.receipts = new Set(shop.members.flatMap(member => member.receipts('POST')))
    const summary = summarise(tally, findings)
    const problems = [...findings.problems, ...problemsOf(summary), ...shiftProblem(tally)]
    if (problems.length > 0) problems.push(...this.evidence())
    return { summary, problems, failures: tally.failures }
  }

  /** What helps to find out why: failures in their own words, and what sidecars logged as errors. */
  private evidence(): string[] {
    const failures = this.tally.failures
      .filter(({ servedBy }) => servedBy === undefined)
      .map(({ method, id, status, flag, reason }) => `${method} ${id}: ${status} ${flag ?? '-'} ${reason}`)
    const errors = this.shop.members.flatMap(({ instance, sidecarEvents }) =>
      sidecarEvents
        .filter(({ level }) => level === 'error')
        .map(event => `sidecar of ${instance.name}: ${JSON.stringify(event)}`),
    )
    return [...failures.slice(0, EVIDENCE), ...errors.slice(0, EVIDENCE)]
  }

  /** Settles when a process dies that nobody killed: what follows would prove nothing. */
  private casualty(): Promise<void> {
    return new Promise(resolve => {
      this.shop.fleet.onUnexpectedEnd = process => {
        this.findings.problems.push(process.obituary)
        resolve()
      }
    })
  }

  private nextSecond(): void {
    this.view.second = this.tally.takeSecond()
    this.view.history.push(shareOfV2(this.view.second.split))
    this.screen.second(this.refreshed())
  }

  private refreshed(): View {
    const { view, tally } = this
    view.elapsedMs = monotonicMs() - this.startedMs
    view.processes = this.shop.fleet.count
    view.requests = tally.requests
    view.failed = tally.failed
    view.failedPosts = tally.failedPosts
    return view
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
