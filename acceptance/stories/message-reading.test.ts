/** What is asked about one message: how far it has come, and what was chosen in it. */
import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { eventually } from '../toolkit/eventually.ts'
import { at, text } from '../toolkit/json.ts'
import { onStage } from '../toolkit/stage.ts'

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const refusal = (message: string) => ({ success: false, error: { message } })

onStage(
  'Reading about a message',
  (stage) => {
    it('how far it has come, in both directions', async () => {
      const friend = await stage.phone()
      const receiver = await stage.receiver()
      const line = await stage.line('status', { webhookEnabled: true, webhookURL: receiver.url })
      const other = await stage.line('status-other')
      const status = async (messageId: string, name = 'status') =>
        line.api.get(`/api/chat/status/${name}?messageId=${encodeURIComponent(messageId)}`)

      const sent = text((await line.text(friend.number, 'hello')).body, 'data.messageId')
      await eventually('the delivery', async () => at((await status(sent)).body, 'status') === 'delivered')
      expect((await status(sent)).body).toEqual({
        success: true,
        message: 'Message status retrieved successfully',
        message_id: sent,
        status: 'delivered',
        status_code: 2,
        direction: 'sent',
        chat_jid: friend.jid,
        timestamp: expect.stringMatching(rfc3339),
      })

      const received = await friend.send(line.phone.number, 'hello back')
      await receiver.next({ data: { id: received, direction: 'incoming' } })
      expect((await status(received)).body).toMatchObject({
        status: 'received',
        status_code: 3,
        direction: 'received',
        chat_jid: friend.jid,
      })

      expect(await status('')).toMatchObject({ status: 400, body: refusal('messageId query parameter is required') })
      expect(await status('3EB0NOBODYHASIT')).toMatchObject({ status: 404, body: refusal('Message not found') })
      const elsewhere = await other.api.get(`/api/chat/status/status-other?messageId=${sent}`)
      expect(elsewhere).toMatchObject({ status: 404, body: refusal('Message does not belong to this instance') })
    })

    it('the votes in a poll', async () => {
      const [ana, bea] = [await stage.phone(), await stage.phone()]
      const receiver = await stage.receiver()
      const line = await stage.line('votes', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['message.exchange'] })
      const group = await stage.simulator.group({ by: ana, subject: 'Votes', participants: [bea, line.phone] })
      const read = async (messageId: string) => line.api.get(`/api/chat/poll/votes?messageId=${messageId}`)

      const body = { number: group, question: 'Lunch?', options: ['Pizza', 'Salad', 'Soup'], maxAnswer: 2 }
      const poll = text((await line.api.post('/api/message/poll/votes', body)).body, 'data.messageId')
      await Promise.all([ana.next({ id: poll }), bea.next({ id: poll })])
      const voted = async (voter: typeof ana, options: string[]) => {
        const id = await voter.vote(group, poll, options)
        await receiver.next({ data: { id } })
        return id
      }
      await voted(ana, ['Soup'])
      const first = await voted(ana, ['Pizza'])
      const second = await voted(bea, ['Pizza', 'Salad'])
      const detail = (optionName: string, sender: typeof ana, voteMessageId: string) => ({
        optionHash: createHash('sha256').update(optionName).digest('hex').toUpperCase(),
        optionName,
        senderJid: sender.number,
        voteMessageId,
        createdAt: expect.stringMatching(rfc3339),
      })
      expect(await read(poll)).toMatchObject({
        status: 200,
        body: {
          success: true,
          message: 'Poll votes retrieved successfully',
          messageId: poll,
          data: {
            messageId: poll,
            name: 'Lunch?',
            votes: [
              { optionName: 'Pizza', optionVoteCount: 2 },
              { optionName: 'Salad', optionVoteCount: 1 },
              { optionName: 'Soup', optionVoteCount: 0 },
            ],
            voteDetails: [detail('Pizza', ana, first), detail('Pizza', bea, second), detail('Salad', bea, second)],
          },
        },
      })
      await voted(bea, [])
      expect(at((await read(poll)).body, 'data.voteDetails')).toEqual([detail('Pizza', ana, first)])

      expect(await read('')).toMatchObject({ status: 400, body: refusal('messageId query parameter is required') })
      expect(await read('3EB0NOBODYHASIT')).toMatchObject({ status: 404, body: refusal('Message not found') })
      const plain = text((await line.text(group, 'no poll')).body, 'data.messageId')
      expect(await read(plain)).toMatchObject({ status: 400, body: refusal('Message is not a poll') })
    })
  },
  { databases: ['SQLite', 'PostgreSQL'] },
)
