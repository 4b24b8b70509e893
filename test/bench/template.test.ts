import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fillTemplate } from '../../bench/template.ts'

test('replaces every name, also several times, and leaves other at-signs alone', () => {
  const text = 'listen @PORT@; "@type": x; mail me@host; @PORT@'
  expect(fillTemplate(text, { PORT: 80 })).toBe('listen 80; "@type": x; mail me@host; 80')
})

test('names what was not given', () => {
  expect(() => fillTemplate('a @TRUST@ b', {})).toThrow(/@TRUST@/)
})

test('every committed template names only what its subject is given', () => {
  const directory = join(import.meta.dirname, '../../bench/peers')
  const names = readdirSync(directory).flatMap(file =>
    [...readFileSync(join(directory, file), 'utf8').matchAll(/@([A-Z][A-Z_]*)@/g)].map(([, name]) => name),
  )
  expect([...new Set(names)].toSorted()).toEqual([
    'ALPN',
    'APP_PORT',
    'CLIENT_CERTIFICATE',
    'CLIENT_ID',
    'CLIENT_KEY',
    'CLIENT_PAIR',
    'DIRECTORY',
    'HUGE_FILE',
    'HUGE_PATH',
    'LARGE_FILE',
    'LARGE_PATH',
    'NEXT_PORT',
    'PORT',
    'ROUTES',
    'ROUTE_COUNT',
    'SERVER_CERTIFICATE',
    'SERVER_ID',
    'SERVER_KEY',
    'SERVER_NAME',
    'SERVER_PAIR',
    'SMALL_BODY',
    'TRUST',
    'TRUST_DOMAIN',
    'USER',
  ])
})
