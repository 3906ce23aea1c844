import { expect, test } from 'vitest'
import { isStoreFailure, StoreOverloadedError, StoreUnavailableError } from './errors.ts'

const sqlite = (errcode: number) => Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode })
const postgres = (code: string) => Object.assign(new Error('x'), { code })

test.each([
  ['too many writes', new StoreOverloadedError(1), true],
  ['no server', new StoreUnavailableError('x'), true],
  ['SQLITE_BUSY_SNAPSHOT', sqlite(517), true],
  ['SQLITE_READONLY', sqlite(8), true],
  ['SQLITE_IOERR_WRITE', sqlite(778), true],
  ['SQLITE_FULL', sqlite(13), true],
  ['SQLITE_CONSTRAINT_FOREIGNKEY', sqlite(787), false],
  ['SQLITE_TOOBIG', sqlite(18), false],
  ['disk full', postgres('53100'), true],
  ['read-only', postgres('25006'), true],
  ['lock timeout', postgres('55P03'), true],
  ['statement timeout', postgres('57014'), true],
  ['connection failure', postgres('08006'), true],
  ['connection refused', postgres('ECONNREFUSED'), true],
  ['foreign key', postgres('23503'), false],
  ['value too long', postgres('22001'), false],
  ['syntax error', postgres('42601'), false],
  ['a mistake of ours', new TypeError('x'), false],
  ['no error at all', 'x', false],
])('%s: the store is at fault: %s', (_, error, expected) => expect(isStoreFailure(error)).toBe(expected))
