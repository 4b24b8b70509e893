import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // No test measures time: these only end what would hang, on a machine that has twenty other things to do, too.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    // Real sockets and child processes: two workers keep a small machine honest.
    maxWorkers: 2,
  },
})
