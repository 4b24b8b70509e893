/** The mesh as data: what `import … from 'selvage'` gives. Pure; runs in a browser, too. */
export { defineMesh } from './define.ts'
