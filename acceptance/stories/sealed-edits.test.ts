/** Edits as phones send them since May 2026: encrypted under the secret of the message they change. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { phoneGroups } from '../toolkit/groups.ts'
import { at, text } from '../toolkit/json.ts'
import { onStage } from '../toolkit/stage.ts'

onStage(
  'Sealed edits',
  (stage) => {
    it('are read where the message is known, by whomever and wherever it was written; what they change reads as they say', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('sealed', { webhookEnabled: true, webhookURL: receiver.url })
      const friend = await stage.phone({ name: 'Friend' })
      const groups = phoneGroups(stage.simulator)
      const group = await groups.create({ by: friend, subject: 'Plans', participants: [line.phone] })
      const told = async (id: string) => at(await receiver.next({ event: 'message.exchange', data: { id } }), 'data')
      const reads = async (id: string) => at((await line.api.get(`/api/chat/getMessage/sealed?messageId=${id}`)).body, 'data.content')
      const isEdit = (original: string, content: string, direction: string): object => ({
        direction,
        message: { type: 'message_edit', isEdit: true, content, edit: { original_id: original, text: content } },
      })

      // Of somebody else, in private and in a group; twice, since an edit is about the first message again.
      for (const to of [line.phone.number, group]) {
        const said = await friend.send(to, { conversation: 'Tuseday', messageContextInfo: secret })
        expect(await told(said)).toMatchObject({ message: { type: 'text', content: 'Tuseday' } })
        for (const words of ['Tuesday', 'Wednesday']) {
          expect(await told(await friend.rewrite(to, said, words))).toMatchObject(isEdit(said, words, 'incoming'))
          expect(await reads(said)).toBe(words)
        }
      }

      // Of the account itself: typed on its phone, and sent from here.
      const typed = await line.phone.send(friend.number, { conversation: 'Noww', messageContextInfo: secret })
      await told(typed)
      const sent = text((await line.text(friend.number, 'At tne')).body, 'data.messageId')
      const invited = await line.api.post('/api/message/event/sealed', {
        number: friend.number,
        name: 'Lnch',
        startAt: '2030-05-01T12:00:00Z',
      })
      const event = text(invited.body, 'data.messageId')
      for (const [id, words] of [
        [typed, 'Now'],
        [sent, 'At ten'],
        [event, 'Lunch'],
      ] as const) {
        await line.phone.next({ id })
        const edit = await line.phone.rewrite(friend.number, id, words)
        expect(await told(edit)).toMatchObject(isEdit(id, words, 'outgoing'))
        expect(await reads(id)).toBe(words)
        expect(await friend.next({ id: edit })).toMatchObject({ text: words, edit: '1' })
      }

      // One of a message that came before the line was in the group says nothing, and changes nothing.
      const elsewhere = await groups.create({ by: friend, subject: 'Elsewhere' })
      const before = await friend.send(elsewhere, { conversation: 'Early', messageContextInfo: secret })
      await groups.members(elsewhere, friend, 'add', [line.phone])
      await receiver.next({ event: 'group.flow', data: { groupJid: elsewhere } })
      expect(await told(await friend.rewrite(elsewhere, before, 'Late'))).toMatchObject({ message: { type: 'unknown', content: '' } })
    })
  },
  { databases: bothDatabases },
)

/** As phones write it into every message. */
const secret = { messageSecret: Buffer.alloc(32, 7).toString('base64') }
