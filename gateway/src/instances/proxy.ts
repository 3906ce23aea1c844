/** An instance's own proxy (core.md §3.9, §3.10): checked, stored sealed, used by the next connect. The password is never shown. */
import { z } from 'zod'
import { errors, orElse } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { AddressGuard } from '../outbound/address-guard.ts'
import type { Database } from '../storage/database.ts'
import type { ProxyConfiguration } from '../whatsapp/engine.ts'
import type { ConfigurationRepository } from './configuration-repository.ts'
import { declared, instanceErrors } from './instance-errors.ts'
import { inOrder, type Registry } from './registry.ts'

export const proxyBody = z.object({
  enabled: z.boolean().nullish().meta({ example: true, description: '`false` removes the proxy; left out, a host switches it on' }),
  host: z.string().nullish().meta({ example: 'proxy.example.com' }),
  port: z.union([z.string(), z.number()]).nullish().meta({ example: '1080', description: 'Number or text' }),
  protocol: z.string().nullish().meta({ example: 'socks5', description: '`http`, `https` or `socks5`' }),
  username: z.string().max(255).nullish().meta({ example: 'user' }),
  password: z.string().max(1024).nullish().meta({ example: 'secret', description: 'Encrypted at rest, never returned' }),
})
export type ProxyBody = z.infer<typeof proxyBody>

export const proxyAnswer = z.object({
  enabled: z.boolean(),
  host: z.string(),
  port: z.string(),
  protocol: z.string(),
  username: z.string(),
})

/** As stored. */
export const storedProxy = z.object({
  protocol: z.enum(['http', 'https', 'socks5']),
  host: z.string(),
  port: z.number(),
  username: z.string().nullable(),
  password: z.string().nullable(),
})

/** The proxy that `body` asks for, null to have none. Throws 400 with the documented texts; a name is looked at when it is connected to. */
export const readProxy = (body: ProxyBody, guard: AddressGuard): ProxyConfiguration | null => {
  const host = body.host?.trim() ?? ''
  if (!(body.enabled ?? host !== '')) return null
  const protocol = storedProxy.shape.protocol.safeParse(body.protocol?.trim().toLowerCase())
  if (!protocol.success) throw instanceErrors.invalidProxyProtocol()
  if (host === '') throw instanceErrors.proxyHostRequired()
  // A name or an address; anything else could change the meaning of the URL it becomes part of.
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (!/^(?:[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45})$/.test(bare) || !isHost(bare)) throw instanceErrors.invalidProxyHost()
  const port = String(body.port ?? '').trim()
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) throw instanceErrors.invalidProxyPort()
  if (!guard.permits(bare, Number(port))) throw instanceErrors.proxyHostNotAllowed()
  return {
    protocol: protocol.data,
    host: bare,
    port: Number(port),
    username: body.username || null,
    password: body.password || null,
  }
}

/** `1.2.3.4.5` and `256.0.0.1` look like names and are none. */
const isHost = (text: string): boolean => URL.canParse(`http://${text.includes(':') ? `[${text}]` : text}`)

export const showProxy = (proxy: ProxyConfiguration | null): z.infer<typeof proxyAnswer> =>
  proxy === null
    ? { enabled: false, host: '', port: '', protocol: '', username: '' }
    : { enabled: true, host: proxy.host, port: String(proxy.port), protocol: proxy.protocol, username: proxy.username ?? '' }

interface Collaborators {
  db: Database
  configurations: ConfigurationRepository
  registry: Registry
  guard: AddressGuard
}

export const proxyOperations = ({ db, configurations, registry, guard }: Collaborators): Operation[] => {
  const route = { token: 'any', rateLimit: 'global', tag: 'Instances' } as const
  const answer = z.object({ success: z.literal(true), message: z.string(), proxy: proxyAnswer })
  return [
    instanceOperation({
      ...route,
      id: 'instance.proxy',
      method: 'POST',
      once: false,
      path: '/api/instance/proxy/:instance',
      summary: 'Set or remove the proxy of an instance',
      description:
        'Used from the next connect or reconnect on. Replaces the whole configuration, the password included. A proxy has to be at a public address, or at one that OUTBOUND_ALLOW lists.',
      body: proxyBody,
      answers: { 200: answer },
      errors: [
        declared(instanceErrors.invalidProxyProtocol()),
        declared(instanceErrors.proxyHostRequired()),
        declared(instanceErrors.invalidProxyHost()),
        declared(instanceErrors.invalidProxyPort()),
        declared(instanceErrors.proxyHostNotAllowed()),
        declared(instanceErrors.proxyNotSaved()),
      ],
      handle: async ({ scope, body }) => {
        const proxy = readProxy(body, guard)
        const instance = registry.byId(scope.instance.id)
        if (instance === null) throw errors.instanceNotFound()
        const stored = inOrder(instance, async () => {
          if (instance.state === 'deleting') throw errors.instanceNotFound()
          await db.write((tx) =>
            proxy === null ? configurations.remove(tx, instance.id, 'proxy') : configurations.save(tx, instance.id, 'proxy', proxy),
          )
        })
        await orElse(stored, instanceErrors.proxyNotSaved)
        const message = proxy === null ? 'Proxy configuration removed' : 'Proxy configuration updated'
        return { status: 200, body: { success: true, message, proxy: showProxy(proxy) } }
      },
    }),
    instanceOperation({
      ...route,
      id: 'instance.getProxy',
      method: 'GET',
      path: '/api/instance/getProxy/:instance',
      summary: 'Read the proxy of an instance',
      answers: { 200: answer },
      errors: [declared(instanceErrors.proxyNotRead())],
      handle: async ({ scope }) => {
        const proxy = await orElse(configurations.find(scope.instance.id, 'proxy', storedProxy), instanceErrors.proxyNotRead)
        return { status: 200, body: { success: true, message: 'Proxy configuration retrieved successfully', proxy: showProxy(proxy) } }
      },
    }),
  ]
}
