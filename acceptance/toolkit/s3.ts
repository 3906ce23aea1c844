/** A server that speaks S3 and checks signatures, with its files where a story can look. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface S3 {
  readonly url: string
  readonly accessKey: string
  readonly secretKey: string
  /** What lies at this address; null: nothing. */
  object(url: string): Promise<Buffer | null>
  /** Names of all objects. */
  objects(): Promise<string[]>
  stop(): Promise<void>
}

/** The package has no types. */
type Server = new (options: { [name: string]: unknown }) => { run(): Promise<{ port: number }>; close(): Promise<void> }

/** How the server calls the file with an object's content. */
const CONTENT = '._S3rver_object'

export const startS3 = async (bucket: string): Promise<S3> => {
  const directory = await mkdtemp(join(tmpdir(), 'ryzeapi-s3-'))
  const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as Server
  const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: [{ name: bucket }] })
  const { port } = await server.run()
  return {
    url: `http://127.0.0.1:${port}`,
    // The account every such server has.
    accessKey: 'S3RVER',
    secretKey: 'S3RVER',
    object: (url) => readFile(join(directory, `${decodeURIComponent(new URL(url).pathname)}${CONTENT}`)).catch(() => null),
    objects: async () => (await readdir(directory, { recursive: true })).filter((name) => name.endsWith(CONTENT)).sort(),
    async stop() {
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
