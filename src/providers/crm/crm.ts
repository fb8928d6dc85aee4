import type { Reply } from "../../queue/effect";

/** A person as the CRM keeps one, by e-mail address. Every field the sender owns is sent each time. */
export interface Contact {
  email: string;
  properties: Readonly<Record<string, string>>;
}

/** A tenant's CRM. */
export interface Crm {
  /** A repeat changes nothing: `idempotentFor` is infinity. Seconds. */
  readonly idempotentFor: number;
  /** Creates the contact or updates it. Never throws; a failure's reason holds no address, property value or key. */
  upsert(contact: Contact, signal: AbortSignal): Promise<Reply<{ id: string; created: boolean }>>;
}

declare module "../../queue/job" {
  interface Capabilities {
    crm: Crm;
  }
}
