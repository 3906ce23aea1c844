/** Bodies of operations with `longValues`: JSON whose long strings are taken out of it, and uploads as `multipart/form-data`. */
import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Busboy } from '@fastify/busboy'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { errors } from './errors.ts'
import { jsonParser } from './json-bodies.ts'
import { takeOutLongStrings } from './long-strings.ts'
import { LongValue } from './long-value.ts'
import type { Spool, SpoolWriter } from './spool.ts'

declare module 'fastify' {
  interface FastifyRequest {
    longValues: LongValue[] | null
  }
  interface FastifyContextConfig {
    /** Whose fields say what the texts of a form are. */
    bodySchema?: z.ZodType
  }
}

export interface LongBodies {
  spool: Spool
  /** Bytes of one value on disk. */
  valueLimit: number
  /** Bytes of everything else. */
  bodyLimit: number
}

/** A string up to here is one in the body too. */
const LONGEST_STRING = 64 * 1024
/** And up to here it can be one. Longer than any text that can be sent, escapes included. */
const LONGEST_TEXT = 512 * 1024
/** A form: fields and files. */
const FORM = { fields: 100, files: 12, fieldNameSize: 100, headerPairs: 20 }

/** To be called on an encapsulated instance: it replaces how bodies are read there. */
export const readLongBodies = (app: FastifyInstance, { spool, valueLimit, bodyLimit }: LongBodies): void => {
  const parseJson = jsonParser(app)
  // Base64 is a third longer; a body of several values may hold some of them whole.
  const limits = {
    string: LONGEST_STRING,
    heldString: Math.min(LONGEST_TEXT, bodyLimit),
    held: bodyLimit,
    total: 2 * valueLimit + bodyLimit,
  }

  app.decorateRequest('longValues', null)
  const discardAll = async (request: FastifyRequest): Promise<void> => {
    for (const value of request.longValues?.splice(0) ?? []) await value.discard()
  }
  app.addHook('onResponse', discardAll)
  app.addHook('onRequestAbort', discardAll)

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: Readable) => {
    // Whoever is refused in the middle is still heard out.
    const bytes = payload.iterator({ destroyOnReturn: false })
    const { json, values } = await takeOutLongStrings(bytes, spool, limits, () => `long:${randomUUID()}`)
    request.longValues = [...values.values()]
    const body = await parseJson(request, json).catch(async (error: unknown) => {
      await discardAll(request)
      throw error
    })
    return values.size === 0 ? body : replaced(body, (value) => (typeof value === 'string' ? values.get(value) : undefined)).body
  })

  app.addContentTypeParser('multipart/form-data', (request, payload, done) => {
    const { values, finished } = readForm(request, spool, valueLimit, bodyLimit)
    const form = values
    payload.on('error', (error) => form.destroy(error))
    payload.on('close', () => payload.readableEnded || form.destroy(errors.badRequest()))
    payload.pipe(form)
    finished.then(
      ({ texts, files }) => {
        request.longValues = [...files.values()]
        done(null, bodyOf({ texts, files }, request.routeOptions.config.bodySchema))
      },
      (error: unknown) => {
        payload.unpipe(form)
        payload.resume()
        done(error instanceof Error ? error : new Error(String(error)), undefined)
      },
    )
  })

  app.addContentTypeParser('*', (request, payload, done) => {
    payload.resume()
    done(request.headers['content-length'] === '0' ? null : errors.wrongContentType(), undefined)
  })
}

/**
 * The same body with what is held of it as strings, for fields that take no more; null: nothing is. Only where that is needed: as strings they
 * cost what they were taken out for. Throws 400 for what could not stand in a JSON string.
 */
export const withHeldAsStrings = (given: unknown): { body: unknown } | null => {
  const { body, changed } = replaced(given, (value) => (value instanceof LongValue ? (value.heldText() ?? undefined) : undefined))
  return changed ? { body } : null
}

/** Puts other values in the place of some. In place and without recursion, whatever the depth. */
const replaced = (body: unknown, replacement: (value: unknown) => unknown): { body: unknown; changed: boolean } => {
  const whole = { body }
  let changed = false
  const waiting: unknown[] = [whole]
  for (let inside = waiting.pop(); inside !== undefined; inside = waiting.pop()) {
    if (typeof inside !== 'object' || inside === null || inside instanceof LongValue) continue
    const holder = inside as Record<string, unknown>
    for (const key of Object.keys(holder)) {
      const value = holder[key]
      const other = replacement(value)
      if (other === undefined) waiting.push(value)
      else {
        holder[key] = other
        changed = true
      }
    }
  }
  return { body: whole.body, changed }
}

interface Form {
  texts: Map<string, string>
  files: Map<string, LongValue>
}

const readForm = (request: FastifyRequest, spool: Spool, valueLimit: number, bodyLimit: number) => {
  const { promise: finished, resolve, reject } = Promise.withResolvers<Form>()
  const form: Form = { texts: new Map(), files: new Map() }
  const writers: SpoolWriter[] = []
  const writing: Promise<void>[] = []
  let textBytes = 0

  const fail = async (error: unknown): Promise<void> => {
    for (const writer of writers) await writer.discard()
    reject(error)
  }
  let values: InstanceType<typeof Busboy>
  try {
    values = new Busboy({
      headers: { ...request.headers, 'content-type': request.headers['content-type'] ?? '' },
      limits: { ...FORM, fileSize: valueLimit + 1, fieldSize: bodyLimit },
      isPartAFile: (_field, _type, fileName) => fileName !== undefined,
    })
  } catch {
    throw errors.invalidBody('malformed form')
  }

  values.on('field', (name, value, _nameCut, valueCut) => {
    textBytes += Buffer.byteLength(value)
    if (valueCut || textBytes > bodyLimit) values.destroy(errors.bodyTooLarge())
    else form.texts.set(name, value)
  })
  values.on('file', (name, stream, fileName, _encoding, mimeType) => {
    const writer = spool.create()
    writers.push(writer)
    const write = async (): Promise<void> => {
      for await (const chunk of stream as AsyncIterable<Uint8Array>) await writer.write(chunk)
      await writer.close()
      const { path, size } = writer
      form.files.set(name, new LongValue({ path, size }, { encoding: 'bytes', mimeType: mimeType || null, fileName: fileName || null }))
    }
    const written = write()
    written.catch((error: unknown) => values.destroy(error instanceof Error ? error : new Error('the upload broke off')))
    writing.push(written)
  })
  values.on('fieldsLimit', () => values.destroy(errors.bodyTooLarge()))
  values.on('filesLimit', () => values.destroy(errors.bodyTooLarge()))
  values.on('error', (error: unknown) => void fail(known(error)))
  values.on('finish', () => void Promise.all(writing).then(() => resolve(form), fail))
  return { values, finished }
}

const known = (error: unknown): unknown => (error instanceof Error && 'status' in error ? error : errors.invalidBody('malformed form'))

/**
 * A form has texts only. What the schema wants as text stays one; what it does not is read as JSON, so that `true`, `5` and `["a"]` become
 * what they are in a JSON body.
 */
const bodyOf = ({ texts, files }: Form, schema: z.ZodType | undefined): Record<string, unknown> => {
  const shape: Readonly<Record<string, z.ZodType>> = schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {}
  const body: Record<string, unknown> = {}
  for (const [name, text] of texts) {
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (field !== undefined) body[name] = field.safeParse(text).success ? text : readText(text)
  }
  for (const [name, file] of files) if (Object.hasOwn(shape, name)) body[name] = file
  return body
}

const readText = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
