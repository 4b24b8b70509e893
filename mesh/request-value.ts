/** Single values out of a raw query or Cookie header, without parsing the rest. */

/**
 * The first parameter of that name, decoded; the empty string when it has no value; undefined when it is not there.
 * `+` is a space, as forms write it; escapes that are not UTF-8 stay as they are.
 */
export function queryParameter(query: string, name: string): string | undefined {
  for (let start = 0; start < query.length; ) {
    const ampersand = query.indexOf('&', start)
    const end = ampersand === -1 ? query.length : ampersand
    const equals = query.indexOf('=', start)
    const nameEnd = equals === -1 || equals > end ? end : equals
    if (decode(query.slice(start, nameEnd)) === name) return decode(query.slice(nameEnd + 1, end))
    start = end + 1
  }
  return undefined
}

function decode(text: string): string {
  if (!/[%+]/.test(text)) return text
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}

/** The first cookie of that name, without surrounding double quotes (RFC 6265 5.4: pairs separated by `; `). */
export function cookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (let start = 0; start < header.length; ) {
    const semicolon = header.indexOf(';', start)
    const end = semicolon === -1 ? header.length : semicolon
    const equals = header.indexOf('=', start)
    if (equals !== -1 && equals < end && header.slice(start, equals).trim() === name)
      return header
        .slice(equals + 1, end)
        .trim()
        .replace(/^"(.*)"$/, '$1')
    start = end + 1
  }
  return undefined
}
