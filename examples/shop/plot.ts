/** What happens in the demo, and what waits for what. Traffic flows through all of it. */
import type { Step } from './step.ts'
import { breakEndpoint } from './steps/break-endpoint.ts'
import { killApp } from './steps/kill-app.ts'
import { killSidecar } from './steps/kill-sidecar.ts'
import { lookAtEdges } from './steps/look-at-edges.ts'
import { refuseCaller } from './steps/refuse-caller.ts'
import { shiftCanary } from './steps/shift-canary.ts'
import { stopControlPlane } from './steps/stop-control-plane.ts'

/** Steps of one track follow each other; tracks run side by side, because an ejection takes its 30 seconds. */
export const TRACKS: readonly (readonly Step[])[] = [
  [lookAtEdges, refuseCaller],
  [shiftCanary],
  [breakEndpoint],
  [killApp, killSidecar],
]

/** When all of that is over: nothing else could come back without it. */
export const LAST = stopControlPlane

export const STEPS: readonly Step[] = [
  lookAtEdges,
  refuseCaller,
  shiftCanary,
  breakEndpoint,
  killApp,
  killSidecar,
  stopControlPlane,
]

/** Runs a step; false: it failed, and has said why. */
export type RunStep = (step: Step) => Promise<boolean>

export async function play(run: RunStep): Promise<void> {
  await Promise.all(
    TRACKS.map(async track => {
      for (const step of track) if (!(await run(step))) return
    }),
  )
  await run(LAST)
}
