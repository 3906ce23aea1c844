/** Every operation of the contract is there: built, or honestly answered 501, as docs/compatibility.md says. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type ContractRoute, compatibilityPage, contractRoutes, promised } from '../toolkit/contract.ts'
import { type Json, text } from '../toolkit/json.ts'
import { createInstance } from '../toolkit/line.ts'
import { type DescribedOperation, describedOperations } from '../toolkit/operations.ts'
import { onStage } from '../toolkit/stage.ts'

const notYet = contractRoutes.filter((route) => promised(route) === 'not yet')
const built = contractRoutes.filter((route) => promised(route) !== 'not yet')
const named = (routes: readonly ContractRoute[]) => routes.map(({ method, path }): [string, string] => [method, path])

describe('docs/compatibility.md', () => {
  it.each(named(contractRoutes))('tells how far %s %s is built', (method, path) => {
    expect(promised({ method, path })).toMatch(/^(done(; .+)?|partly: .+|not yet)$/)
  })
})

onStage('The contract', (stage) => {
  let operations: DescribedOperation[]
  beforeAll(async () => {
    await createInstance(stage.account, 'subject')
    operations = await describedOperations(stage.gateway.api())
  })
  const described = (method: string, path: string) => operations.find((one) => one.method === method && one.path === path)

  it('is built where the page says so', () => {
    // Of some the page says what part answers 501.
    const parted = (route: (typeof built)[number]) => promised(route)?.includes('501') ?? false
    expect(built.filter((route) => described(route.method, route.path)?.responses.includes(501) !== parted(route))).toEqual([])
  })

  it('has no company that the page does not name', () => {
    const paths = [...compatibilityPage.matchAll(/`(\/[^`?]+)`/g)].map(([, path = '']) => path)
    const ours = operations.filter(({ method, path }) => !contractRoutes.some((route) => route.method === method && route.path === path))
    expect(ours.filter(({ path }) => !paths.some((known) => path === known || path.startsWith(`${known}/`)))).toEqual([])
  })

  it('names what is wrong with a blank instance and with a body that is no JSON, on every route', async () => {
    const wrong: unknown[] = []
    const ask = async ({ id, method, path, body }: DescribedOperation, instance: string, content: string, expected: RegExp) => {
      const response = await fetch(`${stage.gateway.url}${path.replace(':instance', instance)}`, {
        method,
        headers: { token: stage.accountToken, ...(body === null ? {} : { 'content-type': 'application/json' }) },
        ...(body === null ? {} : { body: content }),
      })
      const message = text((await response.json()) as Json, 'error.message')
      if (response.status !== 400 || !expected.test(message)) wrong.push([id, response.status, message])
    }
    for (const operation of operations.filter(({ path, socket }) => path.includes(':instance') && !socket)) {
      await ask(operation, '%20', '{}', /^Instance name is required$/)
      if (operation.body !== null) await ask(operation, 'subject', '{"number": ', /^Invalid request body: /)
    }
    expect(wrong).toEqual([])
  })

  describe('says 501 where it is not:', () => {
    it.each(named(notYet))('%s %s', async (method, path) => {
      const hasBody = method !== 'GET' && method !== 'DELETE'
      const response = await fetch(`${stage.gateway.url}${path.replace(':instance', 'subject')}`, {
        method,
        headers: { token: stage.accountToken, ...(hasBody ? { 'content-type': 'application/json' } : {}) },
        ...(hasBody ? { body: '{}' } : {}),
      })
      expect({ status: response.status, body: await response.json() }).toEqual({
        status: 501,
        body: { success: false, error: { message: expect.stringMatching(/\S/) } },
      })
      expect(described(method, path)?.responses).toContain(501)
    })
  })
})
