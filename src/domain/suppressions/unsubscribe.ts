import type { SuppressionScope } from "./model";

/** The content of an unsubscribe link: the address, and what it unsubscribes from. */
export interface Unsubscription {
  tenant: string;
  address: string;
  scope: SuppressionScope;
  campaign?: string | undefined;
}

/** The address of the unsubscribe page; undefined where the Worker's own address is not configured. */
export type MakeUnsubscribeUrl = (unsubscription: Unsubscription) => Promise<string | undefined>;

/** What templates of bulk mail print as `{{ unsubscribeUrl }}`; a variable of the sender's own of that name overrides it. */
export function unsubscribeVariables(url: string | undefined): Record<string, unknown> {
  return url === undefined ? {} : { unsubscribeUrl: url };
}

/** Tokens of unsubscribe links. They are self-contained, so a link works after its campaign was deleted. */
export interface UnsubscribeTokens {
  make(unsubscription: Unsubscription): Promise<string>;
  /** Undefined: the token is invalid. */
  read(token: string): Promise<Unsubscription | undefined>;
}
