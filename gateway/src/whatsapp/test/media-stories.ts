/** What every engine must do about files: part of the conformance suite. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { readWireMedia } from '../../media/wire-media.ts'
import type { ConformanceStage } from './conformance-stage.ts'
import { newId } from './linked-session.ts'

export const mediaStories = (stage: ConformanceStage): void => {
  const bytes = Buffer.from('what is in the file '.repeat(5_000))
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ryzeapi-engine-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const fields = {
    image: 'imageMessage',
    video: 'videoMessage',
    audio: 'audioMessage',
    document: 'documentMessage',
    sticker: 'stickerMessage',
  } as const

  for (const kind of ['image', 'video', 'audio', 'document', 'sticker'] as const) {
    stage.shows(['media'], `of kind ${kind} goes up, and comes down from what others send`, async () => {
      const path = join(folder, kind)
      await writeFile(path, bytes)
      const upload = await stage.engine().session.uploadMedia({ path, kind })
      const id = newId()
      await stage.engine().send(stage.bob(), { [fields[kind]]: { ...upload, mimetype: 'application/octet-stream' } }, { id })
      expect(bytes.equals(await stage.bob().file(id))).toBe(true)

      const theirs = await stage.bob().sendFile(stage.shop(), { [fields[kind]]: { mimetype: 'application/octet-stream' } }, bytes)
      const { message } = await stage.engine().message(theirs)
      const media = readWireMedia(message.message)
      expect(media).toMatchObject({ type: kind, fileSize: bytes.length })
      if (media?.reference == null) throw new Error('the message says nothing of where its media is')
      const to = `${path}-down`
      expect(await stage.engine().session.downloadMedia(media.reference, { path: to, maxBytes: bytes.length })).toEqual({
        size: bytes.length,
      })
      expect(bytes.equals(await readFile(to))).toBe(true)
    })
  }
}
