/** The signature of Standard Webhooks (standardwebhooks.com), symmetric form `v1`. */
import { createHmac } from 'node:crypto'

/**
 * Header values for one attempt. `secret` is `whsec_` and the key in base64; what is signed is `<id>.<timestamp>.<body>` with the timestamp
 * in whole seconds.
 */
export const signatureHeaders = (secret: string, id: string, now: number, body: string): Record<string, string> => {
  const timestamp = String(Math.floor(now / 1000))
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}
