/** `w:m`: where to upload media and the token that allows it. */
import { node } from '../wire/nodes.ts'
import { type IqHandler, NotImplemented } from './iq-handler.ts'

const TTL_SECONDS = 21_600

export const mediaConnection: IqHandler = {
  xmlns: 'w:m',
  answer({ child, services }) {
    if (child?.tag !== 'media_conn') throw new NotImplemented(`w:m ${child?.tag}`)
    const { auth, hostname } = services.media
    return [
      node('media_conn', { auth, ttl: String(TTL_SECONDS), auth_ttl: String(TTL_SECONDS), max_buckets: '12', id: '1' }, [
        node('host', { hostname, type: 'primary' }),
      ]),
    ]
  },
}
