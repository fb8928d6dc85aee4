import type { SuppressionScope } from "./model";

/** What a link in a mail holds: the address, and what it unsubscribes from. */
export interface Unsubscription {
  tenant: string;
  address: string;
  scope: SuppressionScope;
  campaign?: string | undefined;
}

/** The address of the page; undefined where this Worker does not know its own. */
export type MakeUnsubscribeUrl = (unsubscription: Unsubscription) => Promise<string | undefined>;

/** Tokens of unsubscribe links. Self-contained, so that a link works for as long as the mail is kept, whatever was deleted here. */
export interface UnsubscribeTokens {
  make(unsubscription: Unsubscription): Promise<string>;
  /** Undefined for what was not made here. */
  read(token: string): Promise<Unsubscription | undefined>;
}
