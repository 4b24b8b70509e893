/** Commits for ever; the test kills it in the middle. Argument: the path of the file. */
import { sqliteStore } from '../../../control/store/sqlite.ts'
import { fragment, meshRevision } from './store-values.ts'

const store = sqliteStore({ path: process.argv[2] ?? '', historyLimit: 10 })
for (let revision = (await store.revision('shop')) + 1; ; revision++) {
  const text = `${revision} `.repeat(2000)
  await store.commit(
    'shop',
    meshRevision(revision, { a: fragment(text, revision), b: fragment(`b${text}`, revision) }),
  )
  if (revision % 20 === 0) process.stdout.write('.')
}
