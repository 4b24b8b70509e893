/** For tests of a mesh: what `import … from 'selvage/testing'` gives. */
export type { App, FetchApp } from './app.ts'
export { ManualClock } from './clock.ts'
export { expectRoute, type RouteExpectation } from './expect-route.ts'
export { scriptedRandom, seededRandom } from './random.ts'
export { type FetchOptions, type StartMeshOptions, startMesh, type TestMesh } from './start-mesh.ts'
