// The access token for the read side: kept in memory only, renewed before it expires.

export interface AccessToken {
  accessToken: string;
  /** RFC 3339 instant. */
  expiresAt: string;
}

/** A token this close to its end is replaced before it is used, in milliseconds. */
export const RENEW_BEFORE_MS = 30_000;

export class TokenKeeper {
  readonly #issue: () => Promise<AccessToken>;
  readonly #now: () => number;
  #held: AccessToken | undefined;
  #pending: Promise<string> | undefined;

  constructor(issue: () => Promise<AccessToken>, now: () => number = Date.now) {
    this.#issue = issue;
    this.#now = now;
  }

  /** A token that is good for at least half a minute; callers at the same time share one request. */
  get(): Promise<string> {
    if (this.#held && Date.parse(this.#held.expiresAt) - this.#now() > RENEW_BEFORE_MS) {
      return Promise.resolve(this.#held.accessToken);
    }
    return this.#pending ?? this.#renew();
  }

  /** Forgets the token: it was refused, or the session ended. */
  drop(): void {
    this.#held = undefined;
    this.#pending = undefined;
  }

  #renew(): Promise<string> {
    const renewal: Promise<string> = this.#issue()
      .then((token) => {
        // After a drop() in between (sign-out, another user) this token must not be kept.
        if (this.#pending === renewal) this.#held = token;
        return token.accessToken;
      })
      .finally(() => {
        if (this.#pending === renewal) this.#pending = undefined;
      });
    this.#pending = renewal;
    return renewal;
  }
}
