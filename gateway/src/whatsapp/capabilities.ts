/**
 * What an engine may be able to do. Operations name what they need of it, and answer 501 where that is missing. The conformance suite in
 * `test/` has a story for each: an engine that claims one is held to it, and one that does not has to say so when it is asked all the same.
 */
export const capabilities = [
  'pairing-code',
  'presence',
  'chat-state',
  'read-receipts',
  'number-lookup',
  'history-request',
  // Kinds of message, and what is done with one that was sent.
  'text',
  'media',
  'location',
  'contact',
  'reaction',
  'poll',
  'event',
  'interactive',
  'story',
  'edit',
  'revoke',
  'message-pin',
  // Settings that all devices of the account share.
  'chat-actions',
  'labels',
  'blocking',
  'profile',
  'privacy',
  'groups',
  'communities',
  'newsletters',
  'call',
  'call-reject',
] as const

export type Capability = (typeof capabilities)[number]
