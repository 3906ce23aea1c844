/** The settings that act on what arrives: rejecting calls and marking messages read. Called after the event was recorded. */
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Address, EngineEvent, IncomingCall, ReceivedMessage } from '../whatsapp/engine.ts'
import { isGroupJid, STATUS_BROADCAST } from '../whatsapp/jid.ts'
import type { Instance } from './instance.ts'
import type { LiveInstance } from './registry.ts'
import type { InstanceSettings } from './settings-values.ts'

export type SendText = (instance: Instance, to: Address, text: string) => Promise<void>

/** Whether a call is to be rejected. One that is only heard of later has long ended, and its caller needs no text any more. */
export const rejects = (settings: InstanceSettings, call: IncomingCall, now: number): boolean =>
  settings.autoRejectCalls && call.status === 'offer' && now - call.timestamp < staleCallMs

/** Whether a message is to be marked read: somebody else's, and one that is recorded at all. */
export const marksRead = (settings: InstanceSettings, message: ReceivedMessage): boolean => {
  const chat = message.chat.jid ?? ''
  if (!settings.autoReadMessages || message.fromMe) return false
  if (settings.ignoreGroupMessages && isGroupJid(chat)) return false
  return !(settings.ignoreStatus && chat === STATUS_BROADCAST)
}

const staleCallMs = 60_000

/** WhatsApp is not waited for: the next event must not be held up by it. */
export const createActingSettings = ({ sendText, clock, logger }: { sendText: SendText; clock: Clock; logger: Logger }) => {
  const rejectCall = async (instance: LiveInstance, call: IncomingCall) => {
    await instance.attempt?.session.rejectCall({ id: call.id, from: call.from })
    const text = instance.settings.callRejectMessage.trim()
    if (text !== '') await sendText(instance, call.from, instance.settings.callRejectMessage)
  }

  const failed = (instance: LiveInstance, what: string) => (error: unknown) => logger.warn({ instance: instance.id, err: error }, what)

  return (instance: LiveInstance, event: EngineEvent): void => {
    if (event.type === 'call' && rejects(instance.settings, event.call, clock.now()) && instance.rejectedCall !== event.call.id) {
      // A call is offered more than once; its caller is told once.
      instance.rejectedCall = event.call.id
      rejectCall(instance, event.call).catch(failed(instance, 'A call could not be rejected'))
    }
    if (event.type === 'message' && marksRead(instance.settings, event.message)) {
      const { id, chat, sender, fromMe } = event.message
      instance.attempt?.session.markRead([{ id, chat, sender, fromMe }]).catch(failed(instance, 'A message could not be marked read'))
    }
  }
}
