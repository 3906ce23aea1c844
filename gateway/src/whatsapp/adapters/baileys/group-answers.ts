/** Groups as they stand in WhatsApp's answers, made whole: who is who is noted, and everybody gets the form of address that is missing. */
import type { BinaryNode } from 'baileys'
import { type Address, EngineError, type IdentityStore } from '../../engine.ts'
import type { Group } from '../../groups.ts'
import { lidJid, numberJid } from '../../jid.ts'
import { addressFrom } from './addresses.ts'
import { readGroup } from './group-nodes.ts'
import { childOf } from './nodes.ts'

export interface GroupAnswersOptions {
  identities: IdentityStore
  /** LIDs and numbers that stand together in an answer. */
  learn(pairs: { number: string; lid: string }[]): Promise<void>
  /** Every group read, whatever for. */
  onRead(groups: readonly Group[]): void
}

export interface GroupAnswers {
  /** Of groups the account is in. */
  complete(groups: readonly Group[]): Promise<Group[]>
  /** The one group of an answer. Throws {@link EngineError} when there is none. */
  only(answer: BinaryNode): Promise<Group>
  /** Notes who is who among these people; gives what makes an address whole. */
  introduce(people: readonly Address[]): Promise<(address: Address) => Address>
}

export const createGroupAnswers = ({ identities, learn, onRead }: GroupAnswersOptions): GroupAnswers => {
  const introduce: GroupAnswers['introduce'] = async (people) => {
    await learn(pairsIn(people))
    return completion(identities, people)
  }

  const complete: GroupAnswers['complete'] = async (groups) => {
    const whole = await introduce(
      groups.flatMap((group) => [
        ...group.members.map(({ address }) => address),
        ...[group.creator, group.nameSet.by, group.description?.by].flatMap((address) => address ?? []),
      ]),
    )
    const known = (address: Address | null): Address | null => (address === null ? null : whole(address))
    const completed = groups.map(
      (group): Group => ({
        ...group,
        creator: known(group.creator),
        nameSet: { ...group.nameSet, by: known(group.nameSet.by) },
        description: group.description === null ? null : { ...group.description, by: known(group.description.by) },
        members: group.members.map((member) => ({ ...member, address: whole(member.address) })),
      }),
    )
    onRead(completed)
    return completed
  }

  return {
    introduce,
    complete,
    async only(answer) {
      const group = readGroup(childOf(answer, 'group'))
      if (group === null) throw new EngineError('rejected', 'WhatsApp answered without a group')
      const [completed = group] = await complete([group])
      return completed
    },
  }
}

const pairsIn = (people: readonly Address[]): { number: string; lid: string }[] =>
  people.flatMap(({ jid, lid }) => (jid !== null && lid !== null ? [{ number: userOf(jid), lid: userOf(lid) }] : []))

/** Looks up everybody of whom one form is missing, at once. */
const completion = async (identities: IdentityStore, people: readonly Address[]): Promise<(address: Address) => Address> => {
  const lids = people.flatMap(({ jid, lid }) => (jid === null && lid !== null ? [userOf(lid)] : []))
  const numbers = people.flatMap(({ jid, lid }) => (lid === null && jid !== null ? [userOf(jid)] : []))
  const [numberOfLid, lidOfNumber] = await Promise.all([
    lids.length === 0 ? new Map<string, string>() : identities.numbersOf([...new Set(lids)]),
    numbers.length === 0 ? new Map<string, string>() : identities.lidsOf([...new Set(numbers)]),
  ])
  return ({ jid, lid }) => {
    const number = jid === null && lid !== null ? numberOfLid.get(userOf(lid)) : undefined
    const other = lid === null && jid !== null ? lidOfNumber.get(userOf(jid)) : undefined
    return addressFrom(jid ?? (number === undefined ? null : numberJid(number)), lid ?? (other === undefined ? null : lidJid(other)))
  }
}

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))
