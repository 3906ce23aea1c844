/** An instance's own S3 bucket (core.md §3.11, §3.12): checked, stored sealed, used for media from now on. The secret key is never shown. */
import { z } from 'zod'
import { errors, orElse } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { Database } from '../storage/database.ts'
import type { ConfigurationRepository } from './configuration-repository.ts'
import { declared, instanceErrors } from './instance-errors.ts'
import { inOrder, type Registry } from './registry.ts'

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

/** What media/ knows of buckets. */
export interface BucketChecks {
  /** What is wrong with this one, in words for its owner; null: nothing. Never throws. */
  verify(configuration: S3Configuration): Promise<string | null>
  /** What the bucket in use said last; null: nothing is wrong. */
  trouble(instanceId: string): string | null
  /** There is another one, or none, from now on. */
  changed(instanceId: string): Promise<void>
}

const s3Body = z.object({
  enabled: z
    .boolean()
    .nullish()
    .meta({ example: true, description: '`false` removes it with its credentials; left out, a bucket switches it on' }),
  region: z.string().nullish().meta({ example: 'eu-west-1' }),
  bucket: z.string().nullish().meta({ example: 'media', description: 'Must exist' }),
  accessKey: z.string().nullish().meta({ example: 'AKIAEXAMPLE' }),
  secretKey: z.string().nullish().meta({ example: 'secret', description: 'Encrypted at rest, never returned' }),
  endpoint: z
    .string()
    .nullish()
    .meta({ example: 'https://minio.example.com', description: 'Empty = AWS. With one the bucket stands in the path' }),
  pathPrefix: z.string().nullish().meta({ example: 'wa/', description: "Begins every object's name" }),
})

interface Collaborators {
  db: Database
  configurations: ConfigurationRepository
  registry: Registry
  buckets: BucketChecks
}

export const s3Operations = ({ db, configurations, registry, buckets }: Collaborators): Operation[] => {
  const route = { token: 'any', rateLimit: 'global', tag: 'Instances' } as const
  return [
    instanceOperation({
      ...route,
      id: 'instance.s3',
      method: 'POST',
      once: false,
      path: '/api/instance/s3/:instance',
      summary: 'Set or remove the S3 bucket of an instance',
      description:
        'Media of messages goes there from now on. Replaces the whole configuration. A bucket that refuses us is stored all the same, with the reason in `error`: its media waits here until it is taken.',
      body: s3Body,
      answers: { 200: z.object({ success: z.literal(true), message: z.string(), s3: s3Answer.omit({ secretKey: true }) }) },
      errors: [declared(instanceErrors.s3Incomplete()), declared(instanceErrors.s3NotSaved())],
      handle: async ({ scope, body }) => {
        const s3 = readS3({ ...body, enabled: body.enabled ?? Boolean(body.bucket) })
        const instance = registry.byId(scope.instance.id)
        if (instance === null) throw errors.instanceNotFound()
        await inOrder(instance, async () => {
          if (instance.state === 'deleting') throw errors.instanceNotFound()
          await orElse(
            db.write((tx) => (s3 === null ? configurations.remove(tx, instance.id, 's3') : configurations.save(tx, instance.id, 's3', s3))),
            instanceErrors.s3NotSaved,
          )
          await buckets.changed(instance.id)
        })
        const error = s3 === null ? null : await buckets.verify(s3)
        const message = s3 === null ? 'S3 configuration removed' : 'S3 configuration updated'
        return { status: 200, body: { success: true, message, s3: { ...showS3(s3), ...(error === null ? {} : { error }) } } }
      },
    }),
    instanceOperation({
      ...route,
      id: 'instance.getS3',
      method: 'GET',
      path: '/api/instance/getS3/:instance',
      summary: 'Read the S3 bucket of an instance',
      description: '`error` says why the bucket does not take media at the moment.',
      answers: { 200: z.object({ success: z.literal(true), s3: s3Answer }) },
      errors: [declared(instanceErrors.s3NotRead())],
      handle: async ({ scope }) => {
        const s3 = await orElse(configurations.find(scope.instance.id, 's3', storedS3), instanceErrors.s3NotRead)
        const error = buckets.trouble(scope.instance.id)
        return { status: 200, body: { success: true, s3: { ...showS3(s3), ...(s3 === null || error === null ? {} : { error }) } } }
      },
    }),
  ]
}
