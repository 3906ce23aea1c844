import { describe, expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { addAccount, addInstance } from '../../../testing/rows.ts'
import { labelsOf } from '../chat-labels.ts'
import {
  type Association,
  associationsIn,
  type Label,
  labeledChats,
  putAssociations,
  putLabels,
  removeAssociationsOf,
  renameLabeled,
} from '../label-repository.ts'

const ANA = { jid: '34600111222@s.whatsapp.net', lid: '77001122334455@lid' }
const BEA = { jid: '34600333444@s.whatsapp.net', lid: null }

const label = (id: string, more: Partial<Label> = {}): Label => ({
  id,
  name: `Label ${id}`,
  color: 1,
  type: 'CUSTOM',
  predefined: null,
  deleted: false,
  ...more,
})

const on = (chat: string, labelId: string, messageId = ''): Association => ({ chat, labelId, messageId, named: chat })

forEachDatabase((_name, open) => {
  const stage = async () => {
    const { db } = await open()
    await addAccount(db, 'account-1')
    for (const id of ['shop', 'other']) await addInstance(db, id, 'account-1', { name: id })
    await db.write(async (tx) => {
      await putLabels(tx, 'shop', [label('2'), label('10'), label('3', { deleted: true })])
      await putLabels(tx, 'other', [label('2', { name: 'of another instance' })])
    })
    return db
  }

  describe('labels of chats', () => {
    it('a page of them in order; neither those that are gone nor those of messages, nor of other instances', async () => {
      const db = await stage()
      await db.write(async (tx) => {
        await putAssociations(tx, 'shop', [
          on(ANA.jid, '10'),
          on(ANA.jid, '2'),
          on(ANA.jid, '3'),
          on(BEA.jid, '2', '3EB0'),
          on(BEA.jid, '99'),
        ])
        await putAssociations(tx, 'other', [on(BEA.jid, '2')])
      })
      const of = await labelsOf(db.read, 'shop', [ANA, BEA])
      expect(of(ANA)).toEqual([label('2'), label('10')])
      expect(of(BEA)).toEqual([])
    })

    it('labelled under both names, it carries the label once', async () => {
      const db = await stage()
      await db.write((tx) => putAssociations(tx, 'shop', [on(ANA.jid, '2'), on(ANA.lid, '2'), on(ANA.lid, '10')]))
      expect((await labelsOf(db.read, 'shop', [ANA]))(ANA).map(({ id }) => id)).toEqual(['2', '10'])
    })

    it('by label: any, some, none', async () => {
      const db = await stage()
      await db.write((tx) => putAssociations(tx, 'shop', [on(BEA.jid, '2'), on(ANA.jid, '2'), on(ANA.jid, '10'), on(BEA.jid, '3')]))
      const found = async (ids: string[] | null) =>
        (await labeledChats(db.read, 'shop', ids)).map(({ chat, label: { id } }) => `${chat} ${id}`).sort()
      const all = [`${ANA.jid} 10`, `${ANA.jid} 2`, `${BEA.jid} 2`]
      expect(await found(null)).toEqual(all)
      expect(await found(['2'])).toEqual(all)
      expect(await found(['10'])).toEqual(all.slice(0, 2))
      expect(await found(['3', '99'])).toEqual([])
      expect(await found([])).toEqual([])
    })
  })

  it('a chat that turns out to belong to a number takes along what it carries, once', async () => {
    const db = await stage()
    await db.write(async (tx) => {
      await putAssociations(tx, 'shop', [on(ANA.lid, '2'), on(ANA.lid, '10'), on(ANA.jid, '2'), on(ANA.lid, '2', '3EB0')])
      await renameLabeled(tx, 'shop', ANA.lid, ANA.jid)
    })
    const there = (await associationsIn(db.read, 'shop', [ANA.jid, ANA.lid])).map(({ chat, labelId, messageId }) => [
      chat,
      labelId,
      messageId,
    ])
    expect(there.sort()).toEqual([
      [ANA.jid, '10', ''],
      [ANA.jid, '2', ''],
      [ANA.jid, '2', '3EB0'],
    ])
  })

  it('a label is taken off everything at once', async () => {
    const db = await stage()
    await db.write(async (tx) => {
      await putAssociations(tx, 'shop', [on(ANA.jid, '2'), on(BEA.jid, '2', '3EB0'), on(BEA.jid, '10')])
      await removeAssociationsOf(tx, 'shop', ['2'])
    })
    expect(await associationsIn(db.read, 'shop', [ANA.jid, BEA.jid])).toEqual([on(BEA.jid, '10')])
  })
})
