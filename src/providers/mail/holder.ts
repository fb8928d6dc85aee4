import type { Failure } from "../../queue/effect";
import { failed } from "../../queue/effect";
import type { MailMessage, MailProvider, MailReply, SendOptions } from "./mail";

/** An account at a provider. Idempotency keys are valid within one account. */
export interface Account {
  provider: Pick<MailProvider, "name">;
  /** The provider's name, a colon and an identifier of the account. */
  holder: string;
}

/** The record of an uncertain try: the account that may have the mail, and the fields of the mail that depend on settings. */
interface HolderNote {
  holder: string;
  as?: Pick<MailMessage, "from" | "replyTo" | "headers"> | undefined;
}

/** Undefined: there is no uncertain try, or it left no record. */
export function noteOf({ earlier }: SendOptions): HolderNote | undefined {
  return (earlier?.note as HolderNote | null | undefined) ?? undefined;
}

/** The reply, with a record for the next try where the mail is uncertain. */
export function withHolderNote<T>(reply: MailReply<T>, note: HolderNote): MailReply<T> {
  return reply.ok || reply.failure.class !== "uncertain" ? reply : failed({ ...reply.failure, note });
}

/** The failure of a mail that an account outside the connection may have: no other account is tried. */
export async function leftBehind(
  sendOptions: SendOptions,
  { routes, earlierHolder }: { routes: readonly Account[]; earlierHolder?: ((key: string) => Promise<string | undefined>) | undefined },
): Promise<Failure | undefined> {
  const holder = noteOf(sendOptions)?.holder ?? (await earlierHolder?.(sendOptions.idempotencyKey));
  return holder === undefined || routes.some((route) => isHolder(holder, route)) ? undefined : inDoubt(holder, "and is not in the connection any more");
}

/** Records of earlier releases name the provider only. */
export function isHolder(holder: string, route: Account): boolean {
  return holder === route.holder || holder === route.provider.name;
}

/** An operator must check at the provider. */
export function inDoubt(holder: string, more = ""): Failure {
  const provider = holder.split(":")[0];
  return { class: "permanent", inDoubt: true, reason: `uncertain: ${provider} may have this mail${more && ` ${more}`}; look there before replaying` };
}
