/** How groups are linked: what one refusal means for the others, and how communities are named. */
import { describe, expect, it } from 'vitest'
import { EngineError, type EngineSession } from '../../whatsapp/engine.ts'
import { parseCommunityJid } from '../community-jid.ts'
import { linkGroups } from '../linking.ts'

const community = '120363000000000200@g.us'

const linking = (verdicts: Record<string, EngineError>, groups: readonly string[]) => {
  const asked: string[] = []
  const link = async (_community: string, group: string): Promise<void> => {
    asked.push(group)
    if (verdicts[group]) throw verdicts[group]
  }
  const communities = { link, unlink: link } as unknown as EngineSession['communities']
  return { asked, result: linkGroups({ communities }, community, 'link', groups) }
}

describe('groups to link', () => {
  const limited = new EngineError('rate-limited', 'rate-overlimit', 429)

  it('are asked for one by one; what is named twice counts once', async () => {
    const full = new EngineError('rejected', 'WhatsApp refused the group', 419)
    const { asked, result } = linking({ '2@g.us': full }, ['1@g.us', 'no', '2', '1@g.us'])
    expect(await result).toEqual({
      linked: ['1@g.us'],
      failed: ['no', '2'],
      errors: { no: 'Invalid group JID', 2: 'The community is full' },
    })
    expect(asked).toEqual(['1@g.us', '2@g.us'])
  })

  it('an error about all of them, before anything was done, is the answer', async () => {
    await expect(linking({ '1@g.us': limited }, ['1@g.us', '2@g.us']).result).rejects.toMatchObject({ status: 429 })
    const gone = new EngineError('not-connected', 'the session has ended')
    await expect(linking({ '1@g.us': gone }, ['1@g.us']).result).rejects.toMatchObject({ status: 400 })
  })

  it('later WhatsApp is not asked any more', async () => {
    const { asked, result } = linking({ '2@g.us': limited }, ['1@g.us', '2@g.us', '3@g.us'])
    const reason = 'WhatsApp rate limit reached. Try again later.'
    expect(await result).toEqual({
      linked: ['1@g.us'],
      failed: ['2@g.us', '3@g.us'],
      errors: { '2@g.us': reason, '3@g.us': reason },
    })
    expect(asked).toEqual(['1@g.us', '2@g.us'])
  })
})

it.each([
  ['120363000000000200@g.us', '120363000000000200@g.us'],
  [' 120363000000000200 ', '120363000000000200@g.us'],
  ['5511999990000-1500000000@g.us', '5511999990000-1500000000@g.us'],
  ['120363000000000200@newsletter', null],
  ['https://chat.whatsapp.com/KxQ7abcDEF012345678901', null],
  ['KxQ7abcDEF012345678901', null],
  ['1'.repeat(31), null],
  ['', null],
])('%s names the community %s', (text, jid) => {
  expect(parseCommunityJid(text)).toBe(jid)
})
