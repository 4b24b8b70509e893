import type { z } from 'zod'

/** What may be written where a schema stands: its input, as a value that nobody changes. */
export type Authored<Schema extends z.ZodType> = DeepReadonly<z.input<Schema>>

type DeepReadonly<T> = T extends readonly (infer Element)[]
  ? readonly DeepReadonly<Element>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T
