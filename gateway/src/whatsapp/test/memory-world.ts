import { readWireMedia } from '../../media/wire-media.ts'
import { createMemoryEngine } from '../adapters/memory/engine.ts'
import { MemoryNetwork, type MemoryPerson } from '../adapters/memory/network.ts'
import { MemorySessionStore } from '../memory/session-store.ts'
import type { Person, World } from './world.ts'

export const memoryWorld = async (): Promise<World> => {
  const network = new MemoryNetwork()
  let last = 5_511_900_000_000
  const holderOf = (person: Person): MemoryPerson => network.person(person.number)
  return {
    engine: createMemoryEngine(network),
    store: () => new MemorySessionStore(),
    freeNumber: () => String(++last),
    cut: async (person) => {
      for (const device of holderOf(person).devices.values()) device.line?.hangUp('lost')
    },
    close: async () => {},
    person: async (name, { number = String(++last) } = {}) => {
      const holder = network.person(number, { name })
      return {
        number,
        name,
        jid: holder.address.jid ?? '',
        lid: holder.address.lid ?? '',
        scan: async (qr) => holder.scan(qr),
        typePairingCode: async (code) => holder.typePairingCode(code),
        send: async (to, message) => holder.send(holderOf(to), message),
        sendFile: async (to, message, bytes) => {
          const [[field, content] = ['', {}]] = Object.entries(message)
          return holder.send(holderOf(to), { [field]: { ...content, ...network.media.put(bytes) } })
        },
        file: async (id) => {
          const { message } = await holder.next((one) => one.id === id)
          return network.media.get(readWireMedia(message)?.reference?.directPath ?? '') ?? new Uint8Array()
        },
        received: async (id) => {
          const { message, from } = await holder.next((one) => one.id === id)
          return { message, fromMe: from === holder, text: message.conversation ?? message.extendedTextMessage?.text ?? '' }
        },
        read: async (chat, id) => holder.acknowledge(holderOf(chat), [id], 'read'),
        call: async (to) => holder.call(holderOf(to)),
        callState: async (id) => holder.calls.get(id) ?? '',
        label: async ({ deleted = false, ...label }) => {
          const change = { kind: 'edit', ...label, type: 'CUSTOM', predefined: null, deleted } as const
          holder.labels.write(holder.labels.version, [change])
        },
        carry: async (labelId, chat, { messageId, labeled = true } = {}) => {
          const about = { labelId, chat: holderOf(chat).address, named: chat.jid, labeled }
          const change =
            messageId === undefined ? ({ kind: 'chat', ...about } as const) : ({ kind: 'message', ...about, messageId } as const)
          holder.labels.write(holder.labels.version, [change])
        },
        labels: async () => {
          const all = holder.labels.all()
          return all.flatMap((change) => {
            if (change.kind !== 'edit') return []
            const { id, name: called, color, deleted } = change
            const chats = all.flatMap((one) => (one.kind === 'chat' && one.labelId === id && one.labeled ? [one.named] : []))
            return [{ id, name: called, color, deleted, chats }]
          })
        },
        change: async (change) => {
          if (change.kind === 'block') holder.chats.setBlocked(change.person, change.blocked)
          else holder.chats.change(change)
        },
        save: async (other, called) => holder.save(holderOf(other), called),
        unlinkAll: async () => holder.unlink(),
      }
    },
  }
}
