/** Reactions and comments in announcement groups of communities are encrypted under the secret of the message they are about. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { png } from '../toolkit/files.ts'
import { communityRoutes, phoneGroups } from '../toolkit/groups.ts'
import { at, text } from '../toolkit/json.ts'
import { onStage } from '../toolkit/stage.ts'

onStage(
  'Sealed reactions',
  (stage) => {
    it('of somebody in the announcement group are read where the message is known, and are unknown where it is not', async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('square', { webhookEnabled: true, webhookURL: receiver.url })
      const [ana, bea] = [await stage.phone({ name: 'Ana' }), await stage.phone({ name: 'Bea' })]
      const made = await communityRoutes(line).create({ name: 'Square' })
      const [community, announcements] = [text(made.body, 'group.jid'), text(made.body, 'announcementGroupJid')]
      const groups = phoneGroups(stage.simulator)
      await groups.members(community, line.phone, 'add', [ana, bea])
      await groups.members(announcements, line.phone, 'promote', [ana, bea])
      const told = async (id: string) => at(await receiver.next({ event: 'message.exchange', data: { id } }), 'data')

      // As phones write every message.
      const secret = Buffer.alloc(32, 7).toString('base64')
      const said = await ana.send(announcements, { conversation: 'Party!', messageContextInfo: { messageSecret: secret } })
      expect(await told(said)).toMatchObject({ message: { type: 'text', content: 'Party!' } })
      await bea.next({ id: said })
      for (const emoji of ['🎉', '']) {
        const reaction = { emoji, text: emoji, messageId: said, message_id: said }
        expect(await told(await bea.react(announcements, said, emoji))).toMatchObject({
          sender: { lid: bea.lid },
          chat: { jid: announcements, isCommunity: true },
          message: { type: 'reaction', content: emoji, reaction },
        })
      }

      // Of the line itself: those who have the message can read them, and nobody else.
      for (const reaction of ['🥳', 'remove']) {
        const emoji = reaction === 'remove' ? '' : reaction
        const answer = await line.api.post('/api/message/reaction/square', {
          number: announcements,
          messageId: said,
          participant: ana.jid,
          reaction,
        })
        expect(answer).toMatchObject({ status: 200, body: { data: { content: emoji, replyTo: { messageId: said } } } })
        const id = text(answer.body, 'data.messageId')
        for (const phone of [ana, bea, line.phone]) {
          const shown = await phone.next({ id })
          expect(shown).toMatchObject({
            type: 'encReactionMessage',
            text: emoji,
            message: { encReactionMessage: { targetMessageKey: { id: said } } },
          })
          expect(at(shown, 'unrendered')).toBeUndefined()
        }
        expect(await told(id)).toMatchObject({
          direction: 'outgoing',
          message: { type: 'reaction', content: emoji, reaction: { emoji, messageId: said } },
        })
      }

      // To what the line writes itself: with words, and with a picture.
      for (const write of [
        () => line.text(announcements, 'Welcome'),
        () =>
          line.api.post('/api/message/media/square', {
            number: announcements,
            mediaType: 'image',
            mediaBase64: png(8, 8).toString('base64'),
          }),
      ]) {
        const ours = text((await write()).body, 'data.messageId')
        await bea.next({ id: ours })
        for (const [by, emoji] of [
          [bea, '❤️'],
          [ana, '👏'],
        ] as const) {
          expect(await told(await by.react(announcements, ours, emoji))).toMatchObject({
            direction: 'incoming',
            sender: { lid: by.lid },
            message: { type: 'reaction', content: emoji, reaction: { emoji, messageId: ours } },
          })
        }
        const own = await told(await line.phone.react(announcements, ours, '😎'))
        expect(own).toMatchObject({ direction: 'outgoing', message: { type: 'reaction', reaction: { emoji: '😎', messageId: ours } } })
      }

      // What is written under a message is an answer to it.
      const comment = await told(await bea.comment(announcements, said, 'Can I come?'))
      expect(comment).toMatchObject({
        sender: { lid: bea.lid },
        message: { type: 'text', content: 'Can I come?', context: { messageId: said, participant: ana.lid, content: 'Party!' } },
      })

      // The author's own, and one to a message that came before the line was in the group.
      expect(await told(await ana.react(announcements, said, '👍'))).toMatchObject({
        sender: { lid: ana.lid },
        message: { type: 'reaction', content: '👍' },
      })
      const elsewhere = await groups.create({ by: ana, subject: 'Elsewhere', participants: [bea] })
      const before = await ana.send(elsewhere, { conversation: 'Early', messageContextInfo: { messageSecret: secret } })
      await bea.next({ id: before })
      await groups.members(elsewhere, ana, 'add', [line.phone])
      await receiver.next({ event: 'group.flow', data: { groupJid: elsewhere } })
      for (const nobodyKnows of [await bea.react(elsewhere, before, '👀'), await bea.comment(elsewhere, before, 'What?')])
        expect(await told(nobodyKnows)).toMatchObject({ message: { type: 'unknown', content: '' } })
    })
  },
  { databases: bothDatabases },
)
