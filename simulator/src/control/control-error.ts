/** A refusal of the control API: HTTP status and words for `{error}`. */
export class ControlError extends Error {
  readonly status: 400 | 404 | 409

  constructor(status: 400 | 404 | 409, message: string) {
    super(message)
    this.status = status
  }
}
