/** Why a companion could not be linked, in words for the person holding the phone. */
export class PairingError extends Error {}
