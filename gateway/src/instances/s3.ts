/** The inline S3 block of creation: checked and stored for the media store, which is not part of this version. */
import { z } from 'zod'
import { instanceErrors } from './instance-errors.ts'

export const storedS3 = z.object({
  enabled: z.boolean(),
  region: z.string(),
  bucket: z.string(),
  accessKey: z.string(),
  secretKey: z.string(),
  endpoint: z.string(),
  pathPrefix: z.string(),
})
export type S3Configuration = z.infer<typeof storedS3>

/** In the shape of `getS3` (core.md §3.12). */
export const s3Answer = z.object({
  enabled: z.boolean(),
  region: z.string(),
  bucket: z.string(),
  accessKey: z.string(),
  secretKey: z.null(),
  endpoint: z.string(),
  pathPrefix: z.string(),
  error: z.string().optional(),
})

export interface S3Input {
  enabled: boolean
  region?: string | null
  bucket?: string | null
  accessKey?: string | null
  secretKey?: string | null
  endpoint?: string | null
  pathPrefix?: string | null
}

/** Null: none wanted. Throws 400 for one that cannot work. */
export const readS3 = (input: S3Input): S3Configuration | null => {
  if (!input.enabled) return null
  const text = (value: string | null | undefined) => value?.trim() ?? ''
  const configuration = {
    enabled: true,
    region: text(input.region),
    bucket: text(input.bucket),
    accessKey: text(input.accessKey),
    secretKey: text(input.secretKey),
    endpoint: text(input.endpoint),
    pathPrefix: text(input.pathPrefix),
  }
  if (configuration.bucket === '' || configuration.accessKey === '' || configuration.secretKey === '') throw instanceErrors.s3Incomplete()
  return configuration
}

export const showS3 = (configuration: S3Configuration | null): z.infer<typeof s3Answer> =>
  configuration === null
    ? { enabled: false, region: '', bucket: '', accessKey: '', secretKey: null, endpoint: '', pathPrefix: '' }
    : { ...configuration, secretKey: null }
