/** Every xmlns the network answers. A new one is a new file and a line here. */
import { abProps } from './ab-props.ts'
import { appStateSync } from './app-state-sync.ts'
import { blocklist } from './blocklist.ts'
import { bots } from './bots.ts'
import { businessProfile } from './business-profile.ts'
import { dirtyBits } from './dirty-bits.ts'
import { disappearingMode } from './disappearing-mode.ts'
import { encryptionKeys } from './encryption-keys.ts'
import { groups } from './groups.ts'
import type { IqHandler } from './iq-handler.ts'
import { mediaConnection } from './media-connection.ts'
import { mex } from './mex.ts'
import { multiDevice } from './multi-device.ts'
import { newsletter } from './newsletter.ts'
import { passive } from './passive.ts'
import { ping } from './ping.ts'
import { privacy } from './privacy.ts'
import { profilePicture } from './profile-picture.ts'
import { statistics } from './statistics.ts'
import { status } from './status.ts'
import { termsOfService } from './terms-of-service.ts'
import { usync } from './usync.ts'

export const iqHandlers: readonly IqHandler[] = [
  abProps,
  appStateSync,
  blocklist,
  bots,
  businessProfile,
  dirtyBits,
  disappearingMode,
  encryptionKeys,
  groups,
  mediaConnection,
  mex,
  multiDevice,
  newsletter,
  passive,
  ping,
  privacy,
  profilePicture,
  statistics,
  status,
  termsOfService,
  usync,
]
