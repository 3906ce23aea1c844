/** A store that fails ends the session: whoever touches it through this has told so before anybody else hears of the failure. */
export const guardedBy =
  (onFailure: (error: unknown) => void) =>
  async <T>(touch: () => Promise<T>): Promise<T> => {
    try {
      return await touch()
    } catch (error) {
      onFailure(error)
      throw error
    }
  }
