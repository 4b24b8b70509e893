/** Matching: what a route asks of a request, the order of routes, and the answer. (mesh helper: implement) */

/** Exactly one key besides `ignoreCase`. A plain string in a document means `exact`. */
export type StringMatch =
  | { readonly exact: string; readonly ignoreCase?: boolean }
  | { readonly prefix: string; readonly ignoreCase?: boolean }
  | { readonly suffix: string; readonly ignoreCase?: boolean }
  | { readonly contains: string; readonly ignoreCase?: boolean }
  | { readonly regex: string; readonly ignoreCase?: boolean }
  | { readonly present: true }
  | { readonly absent: true }
  | { readonly range: { readonly from: number; readonly to: number } }
  | { readonly anyOf: readonly StringMatch[] }
  | { readonly not: StringMatch }

export type PathMatch =
  | { readonly exact: string; readonly ignoreCase?: boolean }
  | { readonly prefix: string; readonly ignoreCase?: boolean }
  | { readonly startsWith: string; readonly ignoreCase?: boolean }
  | { readonly template: string; readonly ignoreCase?: boolean }
  | { readonly regex: string; readonly ignoreCase?: boolean }

/** Every condition given must hold. */
export interface RouteMatch {
  readonly hosts?: readonly string[]
  readonly path?: PathMatch
  readonly methods?: readonly string[]
  readonly headers?: Readonly<Record<string, StringMatch>>
  readonly query?: Readonly<Record<string, StringMatch>>
  readonly cookies?: Readonly<Record<string, StringMatch>>
  readonly scheme?: 'http' | 'https'
  readonly port?: number
  /** Workload names, resolved. */
  readonly source?: readonly string[]
  readonly priority?: number
}

/** What matching needs to know of a request. The proxy implements it over raw bytes, `explain` over literals. */
export interface RequestView {
  readonly method: string
  /** Lower case, without port. */
  readonly host: string
  /** Normalised, without the query. */
  readonly path: string
  /** Raw, without `?`. */
  readonly query: string
  readonly scheme: 'http' | 'https'
  /** Port that was dialled. */
  readonly port: number
  /** Workload that calls. */
  readonly source: string | undefined
  /** Joined by `, ` when repeated; `name` in lower case. */
  header(name: string): string | undefined
}
