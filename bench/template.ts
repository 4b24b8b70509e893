/** Configurations of peers: files in `peers/` with `@NAME@` in place of what differs from run to run. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Replaces every `@NAME@`. Throws when the template names something that was not given. */
export function fillTemplate(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replaceAll(/@([A-Z][A-Z_]*)@/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`template: nothing was given for @${name}@`)
    return String(value)
  })
}

/** Fills `peers/<name>`, writes it into `directory` and returns where it is. */
export function writePeerFile(
  name: string,
  directory: string,
  values: Readonly<Record<string, string | number>>,
): string {
  const template = readFileSync(join(import.meta.dirname, 'peers', name), 'utf8')
  const path = join(directory, name)
  writeFileSync(path, fillTemplate(template, values))
  return path
}
