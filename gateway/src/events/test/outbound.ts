/** The real outbound client, allowed to reach the receivers of the tests. */
import { createOutbound } from '../../outbound/outbound.ts'
import { createLogger } from '../../runtime/logging.ts'

export const loopbackOutbound = () => createOutbound({ allow: ['127.0.0.1'], logger: createLogger('silent') })
