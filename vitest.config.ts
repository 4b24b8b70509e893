import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 20_000,
    // Real sockets and child processes: two workers keep a small machine honest.
    maxWorkers: 2,
  },
})
