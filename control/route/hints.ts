/** The stream of hints of one workload: server-sent events, coalesced, with heartbeats. */
import { type Hint, hintSchema } from '../../mesh/protocol.ts'
import type { Control } from '../control.ts'
import { allowWorkload } from '../permission.ts'
import { Refusal } from '../refusal.ts'
import { createRoute, type Router, refusals, workloadParam } from '../router.ts'
import { requireWorkload } from './snapshot.ts'

const route = createRoute({
  method: 'get',
  path: '/v1/meshes/{mesh}/workloads/{workload}/hints',
  summary: 'Events "hint" when a part of the snapshot changed, the first one at once; comments as heartbeats',
  request: { params: workloadParam },
  responses: {
    200: { description: 'The stream', content: { 'text/event-stream': { schema: hintSchema } } },
    ...refusals,
  },
})

const HEARTBEAT_MS = 15_000
const MAX_STREAMS = 20_000
/** Above what its endpoints need, so that one workload cannot take the streams of all others. */
const MAX_STREAMS_OF_WORKLOAD = 2000
/** Events that may wait for a slow reader; what comes on top is merged into one. */
const MAX_QUEUED = 4

export function hintsRoute(app: Router, control: Control): void {
  app.openapi(route, async c => {
    const { workload } = c.req.valid('param')
    const { notAfterMs } = allowWorkload(c, workload, 'hints')
    await requireWorkload(control, workload)
    if (control.notify.size >= MAX_STREAMS) {
      throw new Refusal('busy', `${MAX_STREAMS} hint streams are open, which is the limit; poll meanwhile`)
    }
    if (control.notify.listeners(workload) >= MAX_STREAMS_OF_WORKLOAD) {
      const detail = `${workload} has ${MAX_STREAMS_OF_WORKLOAD} hint streams open, which is the limit; poll meanwhile`
      throw new Refusal('busy', detail)
    }
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
    return c.body(hintStream(control, workload, notAfterMs), 200, headers)
  })
}

/** Ends with the certificate that opened it: an expired peer hears nothing more. */
function hintStream(control: Control, workload: string, untilMs: number): ReadableStream<Uint8Array> {
  const { clock, notify, hints, streams, log } = control
  const encoder = new TextEncoder()
  let waiting: Hint | undefined
  let stop = () => {}

  const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    const write = (text: string) => controller.enqueue(encoder.encode(text))
    const send = (hint: Hint): void => {
      waiting = { ...waiting, ...hint }
      flush(controller)
    }
    const unsubscribe = notify.subscribe(workload, send)
    const beat = () => {
      if ((controller.desiredSize ?? 0) > 0) write(': still here\n\n')
      heartbeat = clock.after(HEARTBEAT_MS, beat)
    }
    let heartbeat = clock.after(HEARTBEAT_MS, beat)
    const end = () => {
      stop()
      controller.close()
    }
    const expiry = clock.after(untilMs - clock.now(), end)
    stop = () => {
      stop = () => {}
      unsubscribe()
      heartbeat.cancel()
      expiry.cancel()
      streams.delete(end)
    }
    streams.add(end)
    write(`: hints of ${workload}\n\n`)
    hints.first(workload).then(
      hint => hint !== undefined && streams.has(end) && send(hint),
      error => log.error({ err: error }, 'work in the background failed'),
    )
  }
  const flush = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    if (waiting === undefined || (controller.desiredSize ?? 0) <= 0) return
    const text = `event: hint\ndata: ${JSON.stringify(waiting)}\n\n`
    // Before it is queued: a reader that waits pulls at once.
    waiting = undefined
    controller.enqueue(encoder.encode(text))
  }
  return new ReadableStream(
    { start, pull: flush, cancel: () => stop() },
    { highWaterMark: MAX_QUEUED, size: () => 1 },
  )
}
