import { expect, it } from 'vitest'
import { forEachDatabase, type TestDatabase } from '../../../testing/databases.ts'
import { addAccount, addInstance } from '../../../testing/rows.ts'
import type { EventLog, NewEvent } from '../../events/event.ts'
import { systemClock } from '../../runtime/clock.ts'
import type { EngineEvent } from '../../whatsapp/engine.ts'
import type { LabelChange, LabelNews } from '../../whatsapp/labels.ts'
import { createLabels } from '../labels.ts'

const SHOP = { id: 'shop' }
const self = { jid: '5511900000001@s.whatsapp.net', lid: null }

const edit = (id: string, name: string, deleted = false) =>
  ({ kind: 'edit', id, name, color: 1, type: 'CUSTOM', predefined: null, deleted, at: 1 }) as const

forEachDatabase((_name, open) => {
  const stage = async ({ fails = () => false }: { fails?: () => boolean } = {}) => {
    const { db }: TestDatabase = await open()
    await addAccount(db, 'account-1')
    await addInstance(db, SHOP.id, 'account-1', { name: 'shop' })
    const told: NewEvent[] = []
    const events: EventLog = {
      async write(work) {
        const happened: NewEvent[] = []
        const result = await db.write(async (tx) => {
          happened.length = 0
          const done = await work(tx, async (...more) => {
            happened.push(...more)
            return []
          })
          if (fails()) throw new Error('disk full')
          return done
        })
        told.push(...happened)
        return result
      },
    }
    const labels = createLabels({ db, events, clock: systemClock })
    let stored = 0
    const news = (version: number, changes: LabelNews['changes'], more: Partial<LabelNews> = {}) => {
      const event: EngineEvent = {
        type: 'labels',
        news: { version, whole: false, first: false, changes, ...more },
        stored: () => {
          stored += 1
        },
      }
      return labels.handle(SHOP, event)
    }
    const names = () => told.map(({ data }) => `${data.action} ${data.name}`)
    return { db, labels, news, told, names, stored: () => stored }
  }

  it('news that come again are stored and told once, and taken all the same', async () => {
    const { news, names, stored, labels } = await stage()
    await news(3, [edit('1', 'Old')], { whole: true, first: true })
    for (const version of [4, 5, 4, 5]) await news(version, [edit('1', version === 4 ? 'Paid' : 'Unpaid')])
    expect(names()).toEqual(['updated Paid', 'updated Unpaid'])
    expect(stored()).toBe(5)
    expect(await labels.list(SHOP.id)).toMatchObject([{ name: 'Unpaid' }])
  })

  it('news that could not be stored are neither told nor taken', async () => {
    let full = true
    const { news, names, stored, labels } = await stage({ fails: () => full })
    await expect(news(1, [edit('1', 'Paid')])).rejects.toThrow('disk full')
    expect([names(), stored(), await labels.list(SHOP.id)]).toEqual([[], 0, []])
    full = false
    await news(1, [edit('1', 'Paid')])
    expect([names(), stored()]).toEqual([['updated Paid'], 1])
  })

  it('a whole list read later tells what differs; another account begins anew, and nothing of it is told', async () => {
    const { news, names, labels } = await stage()
    await news(7, [edit('1', 'Kept'), edit('2', 'Lost')], { whole: true, first: true })
    await news(9, [edit('1', 'Kept'), edit('3', 'New')], { whole: true })
    expect(names()).toEqual(['updated New', 'deleted Lost'])
    await labels.handle(SHOP, { type: 'paired', self, platform: null, businessName: null })
    expect(await labels.list(SHOP.id)).toEqual([])
    await news(2, [edit('1', 'Theirs')], { whole: true, first: true })
    await news(3, [edit('2', 'Also theirs')])
    expect(names().slice(2)).toEqual(['updated Also theirs'])
    expect((await labels.list(SHOP.id)).map(({ name }) => name)).toEqual(['Theirs', 'Also theirs'])
  })

  it('an id that was in use is not given out again', async () => {
    const { news, labels } = await stage()
    await news(1, [edit('7', 'Gone', true), edit('2', 'There')], { whole: true, first: true })
    const written: (readonly LabelChange[])[] = []
    const session = {
      labels: {
        change: async (decide: () => Promise<readonly LabelChange[]>) => void written.push(await decide()),
        refresh: async () => {},
      },
    }
    expect(await labels.create(SHOP.id, session, { name: 'Next', color: 0 })).toMatchObject({ id: '8', type: 'CUSTOM' })
    await expect(labels.remove(SHOP.id, session, '7')).rejects.toMatchObject({ status: 404 })
    await labels.remove(SHOP.id, session, '2')
    expect(written).toMatchObject([[{ id: '8' }], [{ id: '2', name: 'There', deleted: true }]])
  })
})
