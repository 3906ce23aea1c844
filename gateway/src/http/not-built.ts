/**
 * Routes of the contract that this version does not do yet. They check the token and the instance like all others and then answer 501:
 * a client learns what is missing, instead of guessing from a 404. Whoever builds one takes its line out here.
 */
import type { Capability } from '../whatsapp/capabilities.ts'
import { errors } from './errors.ts'
import type { Operation } from './operation.ts'

/** The operations as an engine of these capabilities can serve them: what needs another one answers 501, as if it were not built. */
export const asFarAsSupported = (operations: readonly Operation[], capabilities: ReadonlySet<Capability>): Operation[] =>
  operations.map((operation) => {
    if (operation.needs?.every((capability) => capabilities.has(capability)) ?? true) return operation
    const { summary, body: _body, query: _query, longValues: _longValues, ...described } = operation
    return {
      ...described,
      summary,
      answers: {},
      errors: [{ status: 501, message: errors.notBuilt(summary).message }],
      notBuilt: true,
      async handle() {
        throw errors.notBuilt(summary)
      },
    }
  })

export const notBuiltOperations = (): Operation[] =>
  groups.flatMap(({ tag, routes }) =>
    routes.map(
      ([id, method, path, what]): Operation => ({
        id,
        ...(method === 'POST' ? { method, once: false } : { method }),
        path,
        token: 'any',
        rateLimit: 'global',
        tag,
        summary: what,
        description: 'Not built yet.',
        answers: {},
        errors: [{ status: 501, message: errors.notBuilt(what).message }],
        notBuilt: true,
        handle: async () => {
          throw errors.notBuilt(what)
        },
      }),
    ),
  )

type Route = readonly [id: string, method: Operation['method'], path: string, what: string]

const groups: readonly { tag: string; routes: readonly Route[] }[] = [
  {
    tag: 'Calls',
    routes: [['call.audio', 'POST', '/api/call/audio/:instance', 'Calling']],
  },
  {
    tag: 'Integrations',
    routes: [
      ['chatwoot.set', 'POST', '/api/chatwoot/set/:instance', 'Chatwoot'],
      ['chatwoot.read', 'GET', '/api/chatwoot/list/:instance', 'Chatwoot'],
      ['chatwoot.delete', 'DELETE', '/api/chatwoot/delete/:instance', 'Chatwoot'],
      ['typebot.set', 'POST', '/api/typebot/set/:instance', 'Typebot'],
      ['typebot.list', 'GET', '/api/typebot/list/:instance', 'Typebot'],
      ['typebot.delete', 'DELETE', '/api/typebot/delete/:instance', 'Typebot'],
      ['typebot.start', 'POST', '/api/typebot/start/:instance', 'Typebot'],
      ['typebot.sessions', 'GET', '/api/typebot/sessions/:instance', 'Typebot'],
      ['typebot.session', 'POST', '/api/typebot/session/:instance', 'Typebot'],
      ['mcp', 'POST', '/mcp', 'MCP'],
    ],
  },
]
