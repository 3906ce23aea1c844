/** The five keys that WhatsApp makes of one app-state key of the phone. */
import { hkdfSync } from 'node:crypto'

export interface AppStateKeys {
  index: Uint8Array
  cipher: Uint8Array
  valueMac: Uint8Array
  snapshotMac: Uint8Array
  patchMac: Uint8Array
}

const LENGTH = 32
const noBytes = new Uint8Array(0)

export const keysFrom = (keyData: Uint8Array): AppStateKeys => {
  const expanded = new Uint8Array(hkdfSync('sha256', keyData, noBytes, 'WhatsApp Mutation Keys', 5 * LENGTH))
  const [index, cipher, valueMac, snapshotMac, patchMac] = [0, 1, 2, 3, 4].map((n) => expanded.subarray(n * LENGTH, (n + 1) * LENGTH))
  return { index, cipher, valueMac, snapshotMac, patchMac } as AppStateKeys
}
