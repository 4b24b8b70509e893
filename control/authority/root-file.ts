/** The embedded authority's roots and their keys, in one file that only its owner may read. */
import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { writePrivateFile } from '../private-file.ts'

const rootSchema = z.strictObject({
  /** PEM. */
  certificate: z.string(),
  /** PEM, PKCS #8. */
  privateKey: z.string(),
  /** When it became trusted. */
  addedAtMs: z.number(),
})
export type RootRecord = z.infer<typeof rootSchema>

const fileSchema = z.strictObject({
  format: z.literal(1),
  trustDomain: z.string(),
  /** Oldest first. */
  roots: z.array(rootSchema).min(1).max(2),
})
export type RootFile = z.infer<typeof fileSchema>

/** The file of roots cannot be used; the message says why and what to do. */
export class RootFileUnusable extends Error {
  readonly code = 'ROOT_FILE_UNUSABLE'
}

/** Undefined when there is none yet. @throws RootFileUnusable */
export function readRootFile(path: string): RootFile | undefined {
  try {
    const mode = statSync(path).mode & 0o077
    if (mode !== 0)
      throw new Error('others may read it, and it holds the private key of the mesh; chmod 600 it')
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new RootFileUnusable(`cannot use the certificate authority in ${path}: ${reasonOf(error)}`)
  }
}

/** Replaces the file whole: a crash leaves the old one or the new one. */
export function writeRootFile(path: string, file: RootFile): void {
  writePrivateFile(path, `${JSON.stringify(file, null, 2)}\n`)
}

/** Never quotes the file: a parser's message would. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return `it is damaged at "${error.issues[0]?.path.join('.') ?? ''}"`
  if (error instanceof SyntaxError) return 'it is not JSON'
  return error instanceof Error ? error.message : String(error)
}
