/**
 * Protobuf bytes (`Message` of WAProto, base64) as they arrive, by what they say. Made once from `WAProto.proto` itself, and equal byte for byte to
 * what Google's implementation of protobuf writes. A new one: `protoc --encode=proto.Message WAProto.proto`, then base64.
 */
export const recordings: Readonly<Record<string, string>> = {
  'a location, with name and address': 'KiIJiKr/v6/zNsARbef7qfGaRcAaCVZpZXdwb2ludCIDUmlv',
  'a location, without': 'KhIJiKr/v6/zNsARbef7qfGaRcA=',
  'a location, that moves': 'kgEtCYiq/7+v8zbAEW3n+6nxmkXAGAwlAABgQChaMglPbiBteSB3YXk4+9CV/7wx',
  'a location, that moves and says no more': 'kgESCYiq/7+v8zbAEW3n+6nxmkXA',
  'media: an image':
    'GmEKHmh0dHBzOi8vbW1nLndoYXRzYXBwLm5ldC9hLmVuYxIJaW1hZ2UvcG5nGgRMb29rKE0wAjgDQiABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAVoGL2EuZW5j',
  'contacts, one':
    'ImkKA0FuYYIBYUJFR0lOOlZDQVJEClZFUlNJT046My4wCkZOOkFuYSBQcmFkbwpURUw7dHlwZT1DRUxMO3dhaWQ9NTUyMTk3Nzc3NjY2NjorNTUgMjEgOTc3NzctNjY2NgpFTkQ6VkNBUkQ=',
  'contacts, several':
    'anwKCjIgY29udGFjdHMSZIIBYUJFR0lOOlZDQVJEClZFUlNJT046My4wCkZOOkFuYSBQcmFkbwpURUw7dHlwZT1DRUxMO3dhaWQ9NTUyMTk3Nzc3NjY2NjorNTUgMjEgOTc3NzctNjY2NgpFTkQ6VkNBUkQSCAoDQmVhggEA',
  'contacts, none': 'agA=',
  'media: an image that says nothing': 'GgA=',
  'media: a video': 'SlQKHmh0dHBzOi8vbW1nLndoYXRzYXBwLm5ldC9hLmVuYyBNKAkyIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBOgRGaWxtagYvYS5lbmM=',
  'media: a GIF': 'SgJAAQ==',
  'media: a video note': 'kgQCKAQ=',
  'media: a voice note': 'QgQoAjAB',
  'media: music': 'Qg8SCmF1ZGlvL21wZWcoyAE=',
  'a reaction, given': '8gIrCiEKGjM0NjAwMTExMjIyQHMud2hhdHNhcHAubmV0EAEaAUESBPCflKUgAQ==',
  'media: a document with a caption': 'OiISD2FwcGxpY2F0aW9uL3BkZkIGUTMucGRmogEGUmVwb3J0',
  'a reaction, taken back': '8gIlCiEKGjM0NjAwMTExMjIyQHMud2hhdHNhcHAubmV0EAEaAUESAA==',
  'media: a document with a title only': 'OgQaAlEz',
  'media: a sticker': '0gEGMIAEOIAE',
  'a reaction, taken back without a word': '8gIjCiEKGjM0NjAwMTExMjIyQHMud2hhdHNhcHAubmV0EAEaAUE=',
  'a reaction, to nothing': '8gIGEgTwn5Sl',
  'media: an animated sticker': '0gECaAE=',
  'media: a Lottie sticker': '0gQZChfSARQqD2FwcGxpY2F0aW9uL3dhc6gBAQ==',
  'media: a part of an album': 'GgCaAg1SCwgBEgcaBUFMQlVN',
  'media: the sharp twin of an image, which is no part of an album': 'GgCaAglSBwgKEgMaAUE=',
  'in deviceSentMessage': '+gEKEggaBhoETG9vaw==',
  'in ephemeralMessage': 'wgIKCggaBhoETG9vaw==',
  'in viewOnceMessage': 'qgIKCggaBhoETG9vaw==',
  'in viewOnceMessageV2': 'ugMKCggaBhoETG9vaw==',
  'in viewOnceMessageV2Extension': '2gMKCggaBhoETG9vaw==',
  'in documentWithCaptionMessage': 'qgMKCggaBhoETG9vaw==',
  'in lottieStickerMessage': '0gQKCggaBhoETG9vaw==',
  'in editedMessage': '0gMKCggaBhoETG9vaw==',
  'in associatedChildMessage': '2gUKCggaBhoETG9vaw==',
  'in groupMentionedMessage': '8gMKCggaBhoETG9vaw==',
  'in botInvokeMessage': 'mgQKCggaBhoETG9vaw==',
  'in groupStatusMessage': 'ggYKCggaBhoETG9vaw==',
  'in groupStatusMessageV2': 'ugYKCggaBhoETG9vaw==',
  'in botForwardedMessage': 'wgYKCggaBhoETG9vaw==',
  'in pollCreationMessageV4': '6gUKCggaBhoETG9vaw==',
  'an album': 'mgUCEAI=',
  'a new caption of an image': 'YhAKAxoBQRAOcgcaBRoDbmV3',
  'a new caption of a video': 'YhAKAxoBQRAOcgdKBToDbmV3',
  'a new caption of a document': 'YhYKAxoBQRAOcg2qAwoKCDoGogEDbmV3',
  'a quote in an envelope': 'ugMwCi4aLBoDTm93igEkCgFBEhAxQHMud2hhdHNhcHAubmV0GgoaCBoGQmVmb3JlsAEB',
  'tapped: buttons of every kind':
    '6gK2AgoHCgVWaXNpdBIHCgVTdXJlPxoICgZDbGluaWMylwIKMAoLcXVpY2tfcmVwbHkSIXsiZGlzcGxheV90ZXh0IjoiWWVzIiwiaWQiOiJ5ZXMifQo8CgdjdGFfdXJsEjF7ImRpc3BsYXlfdGV4dCI6IlNpdGUiLCJ1cmwiOiJodHRwczovL2EuZXhhbXBsZSJ9CkEKCGN0YV9jYWxsEjV7ImRpc3BsYXlfdGV4dCI6IkNhbGwiLCJwaG9uZV9udW1iZXIiOiIrMzQ2MDAxMTEyMjIifQo0CghjdGFfY29weRIoeyJkaXNwbGF5X3RleHQiOiJDb3B5IiwiY29weV9jb2RlIjoiWDEifQosCg9hZGRyZXNzX21lc3NhZ2USGXsiZGlzcGxheV90ZXh0IjoiV2hlcmU/In0=',
  'tapped: a list':
    '6gKRARIICgZUb3BpYz8yhAEKgQEKDXNpbmdsZV9zZWxlY3QScHsidGl0bGUiOiJPcGVuIiwic2VjdGlvbnMiOlt7InRpdGxlIjoiSGVscCIsInJvd3MiOlt7ImlkIjoiYmlsbCIsInRpdGxlIjoiQmlsbGluZyIsImRlc2NyaXB0aW9uIjoiSW52b2ljZXMifV19XX0=',
  'a text': 'ChNHb29kIG1vcm5pbmcg4piA77iP',
  'a text with a preview': 'MhYKEWh0dHBzOi8vYS5leGFtcGxlMgFB',
  'a disappearing text': 'wgINCgsKCXNvb24gZ29uZQ==',
  'an edit': 'YjUKIQoaMzQ2MDAxMTEyMjJAcy53aGF0c2FwcC5uZXQQABoBQRAOcgcKBWZpcnN0eIDQ37SrMw==',
  'an edit in its envelope': '0gM0CjJiMAohChozNDYwMDExMTIyMkBzLndoYXRzYXBwLm5ldBAAGgFBEA5yCTIHCgVmaXJzdA==',
  'a revocation': 'YiUKIQoaMzQ2MDAxMTEyMjJAcy53aGF0c2FwcC5uZXQQABoBQRAA',
  'a poll': 'mgIiGiAHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHB4oDHBIGTHVuY2g/GgcKBVBhc3RhGgcKBVNhbGFkIAE=',
  'a poll of the second version': '4gMcEgZMdW5jaD8aBwoFUGFzdGEaBwoFU2FsYWQgAQ==',
  'a poll for a single choice': 'ggQcEgZMdW5jaD8aBwoFUGFzdGEaBwoFU2FsYWQgAQ==',
  'an event':
    '2gRrGgZSZXZpZXciDVdoYXQgd2UgYnVpbHQqGgkAAAAAAIA2wBEAAAAAAKBFwBoGUm9vbSAyMiNodHRwczovL2NhbGwud2hhdHNhcHAuY29tL3ZpZGVvL2FiYziAgpLJBkCQnpLJBkgBWAFghAc=',
  'an event that is called off': '2gQMEAEaBlJldmlld1AB',
  'what nobody knows': 'WgMKAXg=',
  'tapped: a carousel':
    '6gJkEgcKBVJvb21zOlkKRAoHCgVTdWl0ZRIFCgNTZWEyMgowCgtxdWlja19yZXBseRIheyJkaXNwbGF5X3RleHQiOiJZZXMiLCJpZCI6InllcyJ9ChESBgoEWWFyZBoHCgVDaGVhcA==',
  'tapped: a form': '6gJFEgYKBFlvdT8yOwo5Cg5nYWxheHlfbWVzc2FnZRIneyJmbG93X3Rva2VuIjoiVCIsImZsb3dfY3RhIjoiRmlsbCBpbiJ9',
  'tapped: a PIX key alone':
    '6gJrMmkKZwoMcGF5bWVudF9pbmZvEld7InBheW1lbnRfc2V0dGluZ3MiOlt7InBpeF9zdGF0aWNfY29kZSI6eyJtZXJjaGFudF9uYW1lIjoiQWNtZSIsImtleSI6ImFAYi5leGFtcGxlIn19XX0=',
  'tapped: parameters that are no JSON': '6gIaEgQKAkhtMhIKEAoLcXVpY2tfcmVwbHkSAXs=',
  'tapped: old buttons, opened once': 'qgIdChvSAhgyBVN1cmU/OgFGSgwKA3llcxIFCgNZZXM=',
  'tapped: an old list': 'ogI3CgRNZW51EgZUb3BpYz8aBE9wZW4qIQoESGVscBIZCgdCaWxsaW5nEghJbnZvaWNlcxoEYmlsbA==',
  'tapped: a template':
    'ygFVIlMSBVZpc2l0MgVTdXJlP0IMCgoKA1llcxIDeWVzQhsSGQoEU2l0ZRIRaHR0cHM6Ly9hLmV4YW1wbGVCFhoUCgRDYWxsEgwrMzQ2MDAxMTEyMjJCAA==',
  'picture above buttons': '6gIZCg4iDBIKaW1hZ2UvanBlZxIHCgVTdXJlPw==',
  'picture above old buttons': '0gIVGgwSCmltYWdlL2pwZWcyBVN1cmU/',
  'picture above a template': 'ygEXIhUaDBIKaW1hZ2UvanBlZzIFU3VyZT8=',
  'card: a product': '8gE+ChsSATcaA0hhdCIERmVsdCoDQlJMMOyFAzoCSDESGjM0NjAwMTExMjIyQHMud2hhdHNhcHAubmV0KgNOZXc=',
  'card: an order': 'sgJCCgE5GAIyC1R3bywgcGxlYXNlOgRTaG9wQhozNDYwMDExMTIyMkBzLndoYXRzYXBwLm5ldEoDdG9rUNiLBloDQlJM',
  'card: an invite to a group': '4gEZCgYxQGcudXMSA0FiQxiAgpLJBiIEVGVhbQ==',
  'card: an invite that says next to nothing': '4gEJMgdDb21lIGlu',
  'card: an invite until the end of time': '4gEPGP////////8PIgRUZWFt',
  'answer: an old button': '2gIPCgN5ZXMSA1llcxoDCgFR',
  'answer: a native button': 'ggMrCgUKA1llcxIdCgtxdWlja19yZXBseRIMeyJpZCI6InllcyJ9GAN6AwoBUQ==',
  'answer: a button of a template': '6gEPCgN5ZXMSA1llcxoDCgFR',
  'answer: a button of a card': '6gERCgN5ZXMSA1llcxoDCgFRKAA=',
  'answer: a row of an old list': 'ugIgCgdCaWxsaW5nGgYKBGJpbGwiAwoBUSoISW52b2ljZXM=',
  'answer: a row of a native list':
    'ggNKCgkKB0JpbGxpbmcSOAoMbWVudV9vcHRpb25zEiZ7ImlkIjoiYmlsbCIsImRlc2NyaXB0aW9uIjoiSW52b2ljZXMifRgDegMKAVE=',
  'answer: a form': 'ggNLCgYKBFNlbnQSPAoOZ2FsYXh5X21lc3NhZ2USKHsiZmxvd190b2tlbiI6IlQiLCJlbWFpbCI6ImFAYi5leGFtcGxlIn0YA3oDCgFR',
  'answer: something that is no JSON': 'ggMfEhgKDmdhbGF4eV9tZXNzYWdlEgRvb3BzGAN6AwoBUQ==',
  'answer: to nothing': '2gIFCgN5ZXM=',
}

/** What is sealed under a secret, with what carries the secret. The author is 91@lid or 34600111222, who answers 92@lid or 34600111333. */
export const sealedRecordings: Readonly<Record<string, { question: string; answer: string }>> = {
  'a vote': {
    question: 'mgIiGiAHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHB4IEHBIGTHVuY2g/GgcKBVBhc3RhGgcKBVNhbGFkIAE=',
    answer:
      'kgNuCiEKGjM0NjAwMTExMjIyQHMud2hhdHNhcHAubmV0EAAaAVESQgoygCYEPAA5iH30C8EMdKu2uwIZ4IiK3rXH8vLL6GsG2pXuETCbGOAqJwCtXzVqlNy4ZJ0SDAABAgMEBQYHCAkKCyCA0N+0qzM=',
  },
  'an answer to an event': {
    question: 'mgIiGiAHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHB9oEDhoGUmV2aWV3OICCkskG',
    answer: '4gROCiEKGjM0NjAwMTExMjIyQHMud2hhdHNhcHAubmV0EAAaAVESG3Dj9DI3//qWRG8F7QDa7Gi+Jlnn1AK1Jo/M4hoMAAECAwQFBgcICQoL',
  },
  'a reaction': {
    question: 'CgZQYXJ0eSGaAiIaIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH',
    answer: 'wgNQCiEKGjM0NjAwMTExMjIyQHMud2hhdHNhcHAubmV0EAAaAVESHS2Nj0JuhQ/zveJANaK+KyM0I/MVliLBdOM+HTg2GgwAAQIDBAUGBwgJCgs=',
  },
}
