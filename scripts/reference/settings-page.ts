import { VARIABLES, type Variable } from '../../proxy/setting-variables.ts'

const row = ({ name, fallback, meaning }: Variable<unknown>): string =>
  `| \`${name}\` | ${fallback ? `\`${fallback}\`` : ''} | ${meaning} |`

/** docs/reference/settings.md, from the table that the proxy reads. */
export const settingsPage = (): string =>
  [
    '# Settings of the sidecar',
    '',
    'Environment variables of `proxy/main.ts`. A bad value stops the start with one sentence that names the variable,',
    'what was found and what was expected. Durations are written `250ms`, `5s`, `1m`, `1h`; sizes in bytes or as `64KiB`.',
    '',
    '| variable | default | meaning |',
    '|---|---|---|',
    ...Object.values(VARIABLES).map(row),
    '',
    '*Written by `node scripts/write-reference.ts`.*',
    '',
  ].join('\n')
