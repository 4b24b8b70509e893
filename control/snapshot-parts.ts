/**
 * The two parts of each workload's snapshot as they travel: JSON text and its hash. Compiled when somebody asks,
 * kept while the revision (or the endpoints concerned) stay, so that "nothing changed" costs no compilation.
 */
import { createHash } from 'node:crypto'
import { compileSnapshot } from '../mesh/compile.ts'
import type { Endpoint, SnapshotConfig } from '../mesh/snapshot.ts'
import type { KnownEndpoints } from './discovery/known-endpoints.ts'
import type { Model } from './model.ts'

export interface Part {
  /** What stands between the quotes of the ETag. */
  readonly hash: string
  readonly json: string
}

export interface SnapshotParts {
  /** Undefined: the mesh has no such workload. */
  config(model: Model, workload: string): Part | undefined
  endpoints(model: Model, workload: string): Part | undefined
  /** Workloads whose endpoints part may differ now; they are compiled again when somebody asks. */
  endpointsChanged(workload: string): readonly string[]
  /** Compilations of the config part so far, for the operator. */
  readonly compilations: number
}

interface Compiled {
  readonly hash: string
  /** Names of the clusters: whose endpoints this workload needs. */
  readonly clusters: ReadonlySet<string>
  /** Of the endpoints part; undefined: it may be another one now. */
  endpoints: string | undefined
}

/** Text kept of each kind of part; what does not fit is made again when asked for. */
const MAX_KEPT_CHARS = 32 * 1024 * 1024

/** @param maxKeptChars text kept of each kind of part */
export function snapshotParts(known: KnownEndpoints, maxKeptChars = MAX_KEPT_CHARS): SnapshotParts {
  let revision = -1
  let compilations = 0
  const compiled = new Map<string, Compiled>()
  const configs = boundedTexts(maxKeptChars)
  const lists = boundedTexts(maxKeptChars)
  const listJson = new WeakMap<readonly Endpoint[], string>()

  const of = (model: Model, workload: string): Compiled | undefined => {
    if (model.revision !== revision) {
      revision = model.revision
      compiled.clear()
      configs.clear()
      lists.clear()
    }
    const kept = compiled.get(workload)
    if (kept !== undefined || !model.mesh.workloads.has(workload)) return kept
    const { config, json } = compile(model, workload)
    const clusters = new Set(Object.keys(config.clusters))
    const entry: Compiled = { hash: hashOf(json), clusters, endpoints: undefined }
    compiled.set(workload, entry)
    configs.set(workload, json)
    return entry
  }
  const compile = (model: Model, workload: string) => {
    compilations++
    return compilePart(model, workload)
  }
  const jsonOf = (endpoints: readonly Endpoint[]): string => {
    const kept = listJson.get(endpoints) ?? JSON.stringify(endpoints)
    listJson.set(endpoints, kept)
    return kept
  }
  /** The JSON of `SnapshotEndpoints`, from the texts of lists that mostly did not change. */
  const endpointsJson = (clusters: ReadonlySet<string>): string => {
    const members: string[] = []
    for (const cluster of clusters) {
      const endpoints = known.of(cluster)
      if (endpoints !== undefined) members.push(`${JSON.stringify(cluster)}:${jsonOf(endpoints)}`)
    }
    return `{"format":1,"clusters":{${members.join(',')}}}`
  }

  return {
    config(model, workload) {
      const entry = of(model, workload)
      if (entry === undefined) return undefined
      return part(entry.hash, configs, workload, () => compile(model, workload).json)
    },
    endpoints(model, workload) {
      const entry = of(model, workload)
      if (entry === undefined) return undefined
      if (entry.endpoints === undefined) {
        const json = endpointsJson(entry.clusters)
        entry.endpoints = hashOf(json)
        lists.set(workload, json)
      }
      return part(entry.endpoints, lists, workload, () => endpointsJson(entry.clusters))
    },
    endpointsChanged(workload) {
      const dependants: string[] = []
      for (const [name, entry] of compiled) {
        if (!entry.clusters.has(workload)) continue
        entry.endpoints = undefined
        dependants.push(name)
      }
      return dependants
    },
    get compilations() {
      return compilations
    },
  }
}

/** A part whose text is made again if it was dropped in the meantime. */
const part = (
  hash: string,
  texts: ReturnType<typeof boundedTexts>,
  key: string,
  make: () => string,
): Part => ({
  hash,
  get json() {
    const kept = texts.get(key)
    if (kept !== undefined) return kept
    const json = make()
    texts.set(key, json)
    return json
  },
})

/** Throws when the mesh has no such workload. */
export function compilePart(model: Model, workload: string): { config: SnapshotConfig; json: string } {
  const config = compileSnapshot(model.mesh, workload, { addresses: model.addresses })
  return { config, json: JSON.stringify(config) }
}

/** Compiling is deterministic, so the text stands for the value; 128 bits of SHA-256 tell texts apart. */
const hashOf = (json: string): string => createHash('sha256').update(json).digest('hex').slice(0, 32)

/** Texts by key, the oldest dropped when there is too much of it. */
function boundedTexts(maxChars: number) {
  const texts = new Map<string, string>()
  let chars = 0
  const drop = (key: string): void => {
    chars -= texts.get(key)?.length ?? 0
    texts.delete(key)
  }
  return {
    get: (key: string) => texts.get(key),
    set(key: string, text: string): void {
      drop(key)
      texts.set(key, text)
      chars += text.length
      for (const oldest of texts.keys()) {
        if (chars <= maxChars || oldest === key) break
        drop(oldest)
      }
    },
    clear(): void {
      texts.clear()
      chars = 0
    },
  }
}
