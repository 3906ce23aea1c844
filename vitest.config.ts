/** `unit`: beside the code, fast, no isolation between files. `isolated`: what sets something process-wide. `acceptance`: black-box stories against real processes. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Most files wait for something most of the time: two cores carry three of them.
    maxWorkers: 3,
    // Starts a PostgreSQL server when the first test asks for one; once per run, for all projects.
    globalSetup: './gateway/testing/postgres-server.ts',
    // Limits say that something hangs, not that it is slow: a machine with other work on it takes ten times as long.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['gateway/{src,testing}/**/*.test.ts', 'simulator/**/*.test.ts', 'tools/**/*.test.ts'],
          // A process trusts one WhatsApp network: this one the real one, the adapter's tests the simulator.
          exclude: ['gateway/src/gateway.test.ts'],
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: 'isolated', include: ['gateway/src/gateway.test.ts'], globalSetup: [], pool: 'forks' },
      },
      {
        extends: true,
        test: {
          name: 'acceptance',
          include: ['acceptance/**/*.test.ts'],
          // Files leave a gateway to each other (acceptance/toolkit/venue.ts), not what they heard.
          isolate: false,
          setupFiles: './acceptance/toolkit/new-file.ts',
          testTimeout: 120_000,
        },
      },
    ],
  },
})
