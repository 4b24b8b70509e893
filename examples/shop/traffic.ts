/**
 * The shop's visitors: requests to `web`, as plain HTTP clients send them. Paced by the clock and bounded in how many
 * are under way, so that a slow machine gets fewer of them instead of a queue.
 */
import { Agent, request as httpRequest } from 'node:http'
import { monotonicMs } from './clock.ts'
import type { Outcome, Tally, Version } from './tally.ts'

export interface TrafficPlan {
  readonly requestsPerSecond: number
  readonly maxUnderWay: number
  /** Every n-th request is of that kind. */
  readonly postEvery: number
  readonly betaTesterEvery: number
  readonly throughOrdersEvery: number
}

export const SHOP_TRAFFIC: TrafficPlan = {
  requestsPerSecond: 300,
  maxUnderWay: 8,
  postEvery: 7,
  betaTesterEvery: 10,
  throughOrdersEvery: 4,
}

const TICK_MS = 10
/** A request that has no answer by then has failed. */
const GIVE_UP_MS = 20_000

export interface VisitorRequest {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly betaTester: boolean
}

/** The n-th request of the plan; the numbers are coprime, so that every mixture comes about. */
export function visitorRequest(plan: TrafficPlan, n: number): VisitorRequest {
  const id = `c${n}`
  return {
    id,
    method: n % plan.postEvery === 0 ? 'POST' : 'GET',
    path: n % plan.throughOrdersEvery === 0 ? `/orders/${id}` : `/charges/${id}`,
    // A pseudo-random tenth, spread over all kinds: multiples of ten would all be even.
    betaTester: (n * 7919) % (plan.betaTesterEvery * 101) < 101,
  }
}

export class Traffic {
  private readonly web: URL
  private readonly tally: Tally
  private readonly plan: TrafficPlan
  private readonly agent = new Agent({ keepAlive: true })
  private sent = 0
  private underWay = 0
  private startedMs = 0
  private skipped = 0
  private timer: NodeJS.Timeout | undefined
  /** Called with each caller → callee that an answer tells of. */
  onEdge: (edge: Edge) => void = () => {}

  constructor(web: URL, tally: Tally, plan: TrafficPlan = SHOP_TRAFFIC) {
    this.web = web
    this.tally = tally
    this.plan = plan
  }

  start(): void {
    this.startedMs = monotonicMs()
    this.timer = setInterval(() => this.tick(), TICK_MS)
  }

  /** Sends nothing more; what is under way still comes in. */
  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  get idle(): boolean {
    return this.underWay === 0
  }

  private tick(): void {
    const due = Math.floor(((monotonicMs() - this.startedMs) * this.plan.requestsPerSecond) / 1000)
    while (this.sent + this.skipped < due) {
      if (this.underWay >= this.plan.maxUnderWay) {
        this.skipped = due - this.sent
        return
      }
      this.sent++
      void this.send(visitorRequest(this.plan, this.sent))
    }
  }

  private async send(visit: VisitorRequest): Promise<void> {
    this.underWay++
    const outcome = await visitWeb(this.web, visit, this.agent)
    this.underWay--
    this.tally.record(outcome)
    if (outcome.edges !== undefined) for (const edge of outcome.edges) this.onEdge(edge)
  }
}

/** Who called whom, as the callee's app was told. */
export interface Edge {
  /** SPIFFE ID of the caller. */
  readonly caller: string
  /** `orders`, `payments/v1`. */
  readonly callee: string
}

export interface Visit extends Outcome {
  readonly edges: readonly Edge[] | undefined
  /** The answer's text. */
  readonly body: string
}

/** One request to `web`; never throws. */
export function visitWeb(web: URL, visit: VisitorRequest, agent?: Agent): Promise<Visit> {
  const startedMs = monotonicMs()
  const headers = { 'content-length': '0', ...(visit.betaTester ? { 'x-user-type': 'beta-tester' } : {}) }
  return new Promise(resolve => {
    const done = (status: number, body: string, error?: Error) => {
      const answer = readAnswer(body)
      const reason = error?.message ?? (status >= 400 ? answer.reason : undefined)
      const { id, method, betaTester } = visit
      const { servedBy, edges, flag } = answer
      resolve({
        id,
        flag,
        method,
        betaTester,
        startedMs,
        endedMs: monotonicMs(),
        status,
        servedBy,
        edges,
        reason,
        body,
      })
    }
    const outgoing = httpRequest(
      new URL(visit.path, web),
      { method: visit.method, agent, headers },
      response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', error => done(0, '', error))
        response.on('end', () => done(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')))
      },
    )
    outgoing.setTimeout(GIVE_UP_MS, () =>
      outgoing.destroy(new Error(`no answer within ${GIVE_UP_MS / 1000} s`)),
    )
    outgoing.on('error', error => done(0, '', error))
    outgoing.end()
  })
}

/** What an app of the shop says about itself, and what came back from the next one. */
interface AppAnswer {
  readonly service?: string
  readonly version?: string
  readonly instance?: string
  readonly caller?: string
  readonly error?: string
  readonly upstream?: AppAnswer
  /** Not an app's words: what somebody in between answered. */
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}

interface Answer {
  readonly servedBy: Outcome['servedBy']
  readonly edges: readonly Edge[]
  /** What was said instead of an answer. */
  readonly reason: string | undefined
  /** Response flag of the sidecar that said it. */
  readonly flag: string | undefined
}

const MAX_HOPS = 8

/** Follows an answer from `web` to the app that gave it, or to who answered in its place. */
export function readAnswer(body: string): Answer {
  const edges: Edge[] = []
  let here = parse(body)
  for (let hops = 0; here.upstream !== undefined && hops < MAX_HOPS; hops++) {
    addEdge(edges, here)
    here = here.upstream
  }
  addEdge(edges, here)
  // `<flag> <sentence>`: the mesh never leaves anybody guessing where an answer came from.
  const [, flag, sentence] = /^(\S+) (.*)$/.exec(here.headers?.['x-selvage-reason'] ?? '') ?? []
  return { servedBy: serverOf(here), edges, reason: sentence ?? here.text ?? here.error, flag }
}

function addEdge(edges: Edge[], { service, version, caller }: AppAnswer): void {
  if (caller === undefined || service === undefined) return
  edges.push({ caller, callee: version === undefined ? service : `${service}/${version}` })
}

const parse = (body: string): AppAnswer => {
  try {
    return JSON.parse(body) as AppAnswer
  } catch {
    return { text: body }
  }
}

function serverOf({ service, version, instance }: AppAnswer): Outcome['servedBy'] {
  if (service !== 'payments' || instance === undefined || (version !== 'v1' && version !== 'v2'))
    return undefined
  return { version: `payments/${version}` satisfies Version, instance }
}
