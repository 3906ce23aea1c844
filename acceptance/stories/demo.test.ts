import { expect, it } from 'vitest'
import { startProgram } from '../toolkit/program.ts'

it('npm run demo tells its story to the end', async () => {
  const demo = startProgram(['tools/run.js', 'acceptance/demo.ts', '--once'])
  expect(await demo.exited, demo.output()).toEqual({ code: 0, signal: null })
  expect(demo.output()).toContain('Ana linked the instance "demo"')
  expect(demo.output()).toMatch(/Echo → gateway {3}".*Hello from the gateway"/)
  expect(demo.output()).toContain('curl -s http://127.0.0.1:')
})
