/** Path templates such as `/users/{id}`: `{…}` stands for one whole segment that is not empty. */

const VARIABLE = /^\{[A-Za-z_][A-Za-z0-9_]*\}$/

/** Segments of a template after the leading `/`; undefined stands for any one segment. */
export function templateSegments(template: string): readonly (string | undefined)[] {
  return template
    .slice(1)
    .split('/')
    .map(segment => (VARIABLE.test(segment) ? undefined : segment))
}

/** Why a text is no template; undefined when it is one. */
export function templateProblem(template: string): string | undefined {
  const segments = template.slice(1).split('/')
  const wrong = segments.find(segment => /[{}*]/.test(segment) && !VARIABLE.test(segment))
  if (wrong !== undefined)
    return `found the segment "${wrong}", expected plain text or one whole variable such as "{id}"`
  const names = segments.filter(segment => VARIABLE.test(segment))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  return twice === undefined ? undefined : `found the variable ${twice} twice, expected each name once`
}
