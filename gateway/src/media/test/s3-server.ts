/** A server that speaks S3 and checks signatures, on loopback, with its files below a folder of the test's. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { freePort } from '../../../../acceptance/toolkit/port.ts'
import type { BucketConfiguration } from '../store/bucket.ts'

export interface S3Server {
  url: string
  configuration(bucket: string): BucketConfiguration
  close(): Promise<void>
}

/** The package has no types. */
interface Server {
  run(): Promise<unknown>
  close(): Promise<void>
}
type ServerClass = new (options: Record<string, unknown>) => Server

/** With the port of one that was closed, it is that one come back. */
export const startS3 = async (home: string, buckets: readonly string[], givenPort?: number): Promise<S3Server> => {
  const port = givenPort ?? (await freePort())
  const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as ServerClass
  const server = new S3rver({
    address: '127.0.0.1',
    port,
    silent: true,
    directory: join(home, 's3'),
    configureBuckets: buckets.map((name) => ({ name })),
  })
  await server.run()
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    // The account every such server has.
    configuration: (bucket) => ({ region: 'us-east-1', bucket, accessKey: 'S3RVER', secretKey: 'S3RVER', endpoint: url, pathPrefix: '' }),
    close: () => server.close(),
  }
}
