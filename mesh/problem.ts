/** How the control API refuses (RFC 9457). */
import { z } from 'zod'

export const violationSchema = z.object({
  /** Fragment that `path` is in, when it may be another one than was sent. */
  fragment: z.string().optional(),
  path: z.string(),
  message: z.string(),
})

/** RFC 9457. Every refusal of the control API. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  violations: z.array(violationSchema).optional(),
  /** Of a failed precondition: the revision that is there now. */
  revision: z.int().optional(),
})
export type Problem = z.infer<typeof problemSchema>
