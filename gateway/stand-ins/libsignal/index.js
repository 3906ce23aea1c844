/**
 * The classes Baileys' stock Signal layer names at load time. Our own repository replaces that layer (config hook
 * `makeSignalRepository`), so none of them is ever constructed; if one is, that is a wiring mistake and must be loud.
 */
class Absent {
  constructor() {
    throw new Error(`libsignal ${new.target.name} is not part of this install: pass makeSignalRepository to makeWASocket`)
  }
}

export class ProtocolAddress extends Absent {}
export class SessionBuilder extends Absent {}
export class SessionCipher extends Absent {}
export class SessionRecord extends Absent {
  static deserialize() {
    return new SessionRecord()
  }
}
