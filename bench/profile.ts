/** Where a sidecar's time goes: the functions with the most self time in a V8 CPU profile. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The parts of a `.cpuprofile` that are read here (Chrome DevTools protocol, Profiler.Profile). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface SelfTime {
  /** `name file:line`. */
  readonly place: string
  readonly selfMs: number
  /** Share of all samples but idle ones, 0–1. */
  readonly share: number
}

const NOT_WORK = new Set(['(idle)', '(root)'])

/** Functions by self time, longest first. */
export function selfTimes(profile: CpuProfile): SelfTime[] {
  const frames = new Map(profile.nodes.map(node => [node.id, node.callFrame]))
  const micros = new Map<string, number>()
  let total = 0
  for (const [index, id] of profile.samples.entries()) {
    const frame = frames.get(id)
    if (frame === undefined || NOT_WORK.has(frame.functionName)) continue
    const delta = profile.timeDeltas[index] ?? 0
    const place = placeOf(frame)
    micros.set(place, (micros.get(place) ?? 0) + delta)
    total += delta
  }
  return [...micros]
    .map(([place, time]) => ({ place, selfMs: time / 1000, share: time / total }))
    .toSorted((a, b) => b.selfMs - a.selfMs)
}

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName || '(anonymous)'
  if (url === '') return name
  const file = url.replace(/^.*\/(?=(proxy|mesh|control|node_modules)\/)/, '')
  return `${name} ${file}:${lineNumber + 1}`
}

const TOP = 40

/** The top of every profile in a directory, as text. */
export function profileReport(directory: string): string {
  const sections = readdirSync(directory)
    .filter(file => file.endsWith('.cpuprofile'))
    .map(file => {
      const profile = JSON.parse(readFileSync(join(directory, file), 'utf8')) as CpuProfile
      const lines = selfTimes(profile)
        .slice(0, TOP)
        .map(one => `${(one.share * 100).toFixed(1).padStart(5)} %  ${one.place}`)
      return [`${join(directory, file)}`, ...lines].join('\n')
    })
  return sections.length === 0 ? `no profile was written in ${directory}` : sections.join('\n\n')
}
