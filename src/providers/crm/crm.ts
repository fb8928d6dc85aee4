import type { Reply } from "../../queue/effect";

/** A contact of the CRM, by e-mail address. All fields are sent each time. */
export interface Contact {
  email: string;
  properties: Readonly<Record<string, string>>;
}

/** A tenant's CRM. */
export interface Crm {
  /** Infinity, since a repeat changes nothing. Seconds. */
  readonly idempotentFor: number;
  /** Creates or updates the contact. Never throws; a failure's reason contains no address, property value or key. */
  upsert(contact: Contact, signal: AbortSignal): Promise<Reply<{ id: string; created: boolean }>>;
}

declare module "../../queue/job" {
  interface Capabilities {
    crm: Crm;
  }
}
