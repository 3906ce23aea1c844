/** `w:mex`: GraphQL by numbers. A query is known by its id; clients of different age use different ids for the same query. */
import { z } from 'zod'
import {
  changeOwner,
  countAdmins,
  create,
  demote,
  find,
  follow,
  listFollowed,
  listSubscribers,
  MexError,
  type MexQuery,
  remove,
  setMute,
  unfollow,
  update,
} from '../newsletters/newsletter-queries.ts'
import { IqError } from '../ports.ts'
import { node, textOf } from '../wire/nodes.ts'
import { type IqHandler, NotImplemented } from './iq-handler.ts'

/** Path of the answer, what gives it, and the ids it goes by. */
const QUERIES: readonly [path: string, query: MexQuery, ids: readonly string[]][] = [
  ['xwa2_newsletter_create', create, ['8823471724422422']],
  ['xwa2_newsletter', find, ['6563316087068696']],
  ['xwa2_newsletter_subscribed', listFollowed, ['6388546374527196', '27456920720571478']],
  ['xwa2_newsletter_join_v2', follow, ['24404358912487870']],
  ['xwa2_newsletter_leave_v2', unfollow, ['9767147403369991']],
  ['xwa2_newsletter_mute_v2', setMute(true), ['29766401636284406']],
  ['xwa2_newsletter_unmute_v2', setMute(false), ['9864994326891137']],
  ['xwa2_newsletter_update', update, ['24250201037901610']],
  ['xwa2_newsletter_admin', countAdmins, ['7130823597031706']],
  ['xwa2_newsletter_subscribers', listSubscribers, ['9783111038412085']],
  ['xwa2_newsletter_change_owner', changeOwner, ['7341777602580933']],
  ['xwa2_newsletter_demote', demote, ['6551828931592903']],
  ['xwa2_newsletter_delete_v2', remove, ['30062808666639665']],
  // Nobody is restricted here.
  ['xwa2_fetch_account_reachout_timelock', () => ({ is_active: false }), ['23983697327930364']],
]

const BY_ID = new Map(QUERIES.flatMap(([path, query, ids]) => ids.map((id) => [id, { path, query }] as const)))

const body = z.object({ variables: z.unknown() })

export const mex: IqHandler = {
  xmlns: 'w:mex',
  answer({ child, account, services }) {
    const found = BY_ID.get(child?.attrs.query_id ?? '')
    if (child?.tag !== 'query' || found === undefined) throw new NotImplemented(`w:mex query ${child?.attrs.query_id}`)
    const answer = result(found.path, () => found.query({ account, variables: variablesOf(textOf(child)), services }))
    return [node('result', {}, Buffer.from(JSON.stringify(answer)))]
  },
}

function variablesOf(text: string | undefined): unknown {
  try {
    return body.parse(JSON.parse(text ?? '')).variables
  } catch {
    throw new IqError(400, 'bad-request')
  }
}

function result(path: string, query: () => unknown) {
  try {
    return { data: { [path]: query() } }
  } catch (error) {
    if (error instanceof z.ZodError) return refusal(path, 400, 'Bad Request')
    if (error instanceof MexError) return refusal(path, error.code, error.message)
    throw error
  }
}

function refusal(path: string, code: number, message: string) {
  const extensions = { error_code: code, is_retryable: false, severity: 'CRITICAL' }
  return { data: { [path]: null }, errors: [{ message, path: [path], extensions }] }
}
