import { expect, it, vi } from 'vitest'
import { createLogger } from '../../../../runtime/logging.ts'
import { createClientVersion, type Version, versionIn } from '../client-version.ts'

const old: Version = [2, 3000, 1]
const logger = createLogger('silent')

it('the version is read from the service worker, in quotes that are escaped or not', () => {
  expect(versionIn('self.x={"client_revision":1043857760,"y":1}')).toEqual([2, 3000, 1_043_857_760])
  expect(versionIn('JSON.parse("{\\"client_revision\\":7}")')).toEqual([2, 3000, 7])
  expect(versionIn('<html>blocked</html>')).toBeNull()
})

it('however many are refused at once, WhatsApp Web is asked once, and all get the new one', async () => {
  const serviceWorker = vi.fn(async () => '"client_revision":9')
  const version = createClientVersion({ first: old, serviceWorker, logger })
  expect(await Promise.all([version.renew(old), version.renew(old), version.renew(old)])).toEqual([true, true, true])
  expect(await version.renew(old)).toBe(true)
  expect(version.current).toEqual([2, 3000, 9])
  // Refused all the same: nobody knows a better one, and nobody is asked again so soon.
  expect(await version.renew(version.current)).toBe(false)
  expect(serviceWorker).toHaveBeenCalledTimes(1)
})

it.each<[string, (() => Promise<string>) | null]>([
  ['cannot be asked', () => Promise.reject(new Error('unreachable'))],
  ['says something else', async () => '<html>blocked</html>'],
  ['has the one that was refused', async () => '"client_revision":1'],
  ['is not to be asked', null],
])('where WhatsApp Web %s it stays as it is', async (_case, serviceWorker) => {
  const version = createClientVersion({ first: old, serviceWorker, logger })
  expect(await version.renew(old)).toBe(false)
  expect(version.current).toEqual(old)
})

it('where it could not be asked, it is asked again when WhatsApp refuses the next one', async () => {
  const serviceWorker = vi.fn(async () => '"client_revision":9').mockRejectedValueOnce(new Error('unreachable'))
  const version = createClientVersion({ first: old, serviceWorker, logger })
  expect(await version.renew(old)).toBe(false)
  expect(await version.renew(old)).toBe(true)
})
