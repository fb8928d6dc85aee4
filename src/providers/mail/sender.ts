import type { Failure } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import type { GateReport } from "../../queue/ports/gates";
import type {
  AcceptedMail,
  MailBatchItem,
  BatchSent,
  Mail,
  MailFailure,
  MailMessage,
  MailOrigin,
  MailProvider,
  MailProviderName,
  MailReply,
  RefusedRecipient,
  SendOptions,
} from "./mail";
import { type Account, inDoubt, isHolder, leftBehind, withHolderNote, noteOf } from "./holder";
import { messageIssue } from "./limits";
import { mailboxAddress } from "./mailbox";

/** Records of a tenant's mails. No function throws. */
export interface MailRecords {
  /** Suppresses recipients that a provider refused permanently. */
  suppress(addresses: readonly string[]): Promise<void>;
  /** Records an accepted mail, so that the provider's events find its job. */
  sent(mails: readonly SentMail[]): Promise<void>;
  /** Pauses the provider until a setting changes. */
  pause(provider: MailProviderName, reason: string): Promise<void>;
  /** Ends the pause after the provider accepted a mail. */
  unpause(provider: MailProviderName): Promise<void>;
}

interface SentMail {
  provider: MailProviderName;
  id: string;
  alias?: string | undefined;
  about: MailOrigin | undefined;
}

/** One provider of a connection, with the circuit that decides whether it is called. */
export interface ProviderRoute extends Account {
  provider: MailProvider;
  /** It was refused for its configuration, and is tried again. */
  paused: boolean;
}

/** Decides which of several providers may be called, and which of them may have a mail already. */
export interface Switching {
  /** A lease, or the time until which the provider is held back (milliseconds). */
  enter(provider: MailProviderName): Promise<{ lease: string } | { until: number }>;
  leave(provider: MailProviderName, lease: string, calls: GateReport): Promise<void>;
  /** The result of this run's calls so far. */
  calls(provider: MailProviderName): GateReport;
  /**
   * Records durably that this holder is tried with this key. When one was tried before without an answer, returns that one with `again` and its time
   * (milliseconds). Throws when the write fails.
   */
  begin(key: string, holder: string): Promise<{ holder: string; again: boolean; at: number }>;
  /** Removes the record: the provider certainly did not accept the mail. */
  clear(key: string): Promise<void>;
}

export interface SenderOptions {
  from?: string | undefined;
  replyTo?: string | undefined;
  routes: readonly [ProviderRoute, ...ProviderRoute[]];
  records: MailRecords;
  /** The gate at which mails wait while the only provider is paused. */
  gate?: string | undefined;
  /** Required with more than one route. */
  switching?: Switching | undefined;
  /** Required with one route where the connection may have had others: the holder that was tried with this key without an answer. */
  earlierHolder?: ((key: string) => Promise<string | undefined>) | undefined;
  now(): number;
}

/** How long a provider that was refused for its configuration is not called. */
export const pauseSeconds = 900;

/** The capability: validates a message, calls the providers in order, and records the results. */
export function createMail(options: SenderOptions): Mail {
  const { routes, from, replyTo } = options;
  const [{ provider: first }] = routes;
  const sendBatch = routes.length === 1 ? first.sendBatch : undefined;
  return {
    from,
    replyTo,
    idempotentFor: first.idempotentFor,
    send: async (message, sendOptions) => {
      const issue = messageIssue(message);
      if (issue !== undefined) return failed({ class: "permanent", reason: issue });
      const { reply, route } = await askRecorded(message, sendOptions, options);
      if (!reply.ok) return failed(await noteRefusal(reply.failure, route, options));
      await recordAccepted([{ ...reply.value, about: sendOptions.about }], route, options);
      await suppressRefused(reply.value.refused, options);
      return ok({ id: reply.value.id, provider: route.provider.name, ...refusedIndexes(reply.value.refused, message) });
    },
    sendBatch: sendBatch && ((messages, sendOptions) => batch(sendBatch, messages, sendOptions, options)),
  };
}

async function askRecorded(given: MailMessage, sendOptions: SendOptions, options: SenderOptions): Promise<{ reply: MailReply; route: ProviderRoute }> {
  // A mail that may have arrived is repeated unchanged: a provider refuses a key with other content.
  const before = noteOf(sendOptions)?.as;
  const message = before ? { ...given, from: before.from, replyTo: before.replyTo, headers: before.headers } : given;
  const { reply, route } = await askRoutes(message, sendOptions, options);
  const { from, replyTo, headers } = message;
  return { reply: withHolderNote(reply, { holder: route.holder, as: { from, replyTo, headers } }), route };
}

async function askRoutes(message: MailMessage, sendOptions: SendOptions, options: SenderOptions): Promise<{ reply: MailReply; route: ProviderRoute }> {
  const [first, ...others] = options.routes;
  const away = await leftBehind(sendOptions, options);
  if (away) return { reply: failed(away), route: first };
  if (message.bulk && !first.provider.takesBulk && others.length === 0) return { reply: failed(noBulk(first.provider)), route: first };
  if (others.length === 0 || !options.switching) return { reply: await first.provider.send(message, sendOptions), route: first };
  return askInOrder(message, sendOptions, options, options.switching);
}

/** Calls the providers in order, the next only after the one before certainly did nothing. Once a provider may have the mail, only that one is called. */
async function askInOrder(
  message: MailMessage,
  sendOptions: SendOptions,
  options: SenderOptions,
  switching: Switching,
): Promise<{ reply: MailReply; route: ProviderRoute }> {
  let answer: { reply: MailReply; route: ProviderRoute } = {
    reply: failed({ class: "permanent", reason: "no provider takes bulk mail" }),
    route: options.routes[0],
  };
  const holder = noteOf(sendOptions)?.holder;
  for (const route of options.routes) {
    const { provider } = route;
    if ((message.bulk && !provider.takesBulk) || (holder !== undefined && !isHolder(holder, route))) continue;
    const entry = await switching.enter(provider.name);
    if (!("lease" in entry)) {
      answer = { reply: failed(heldBack(provider, entry.until, options.now())), route };
      continue;
    }
    const reply = await tryOnce(message, sendOptions, route, { ...options, switching }).catch((): MailReply => failed(notNoted));
    await switching.leave(provider.name, entry.lease, switching.calls(provider.name));
    answer = { reply, route };
    if (reply.ok || !mayGoOn(reply.failure)) return answer;
    await noteRefusal(reply.failure, route, options);
  }
  return answer;
}

async function tryOnce(
  message: MailMessage,
  sendOptions: SendOptions,
  route: ProviderRoute,
  options: SenderOptions & { switching: Switching },
): Promise<MailReply> {
  const { switching, routes, now } = options;
  const { provider } = route;
  const begun = await switching.begin(sendOptions.idempotencyKey, route.holder);
  if (!isHolder(begun.holder, route)) {
    if (!routes.some((each) => isHolder(begun.holder, each))) return failed(inDoubt(begun.holder, "and is not in the connection any more"));
    return failed({ class: "limited", retryAfter: 60, reason: `${begun.holder.split(":")[0]} may have this mail: no other provider is asked` });
  }
  // A key is valid for a limited time only.
  if (begun.again && now() - begun.at >= provider.idempotentFor * 1000) return failed(inDoubt(begun.holder));
  const reply = await provider.send(message, sendOptions);
  if (!reply.ok && reply.failure.class !== "uncertain") await switching.clear(sendOptions.idempotencyKey);
  return reply;
}

/** Before the call nothing was sent; after it the record stays, and with it the provider. */
const notNoted: Failure = { class: "transient", reason: "what was tried cannot be noted: the ledger cannot be reached" };

function mayGoOn({ class: kind }: Failure): boolean {
  return kind === "transient" || kind === "limited" || kind === "config";
}

function heldBack({ name }: MailProvider, until: number, now: number): Failure {
  return { class: "limited", retryAfter: Math.max(1, Math.ceil((until - now) / 1000)), reason: `${name} is held back by its circuit or limits` };
}

function noBulk({ name }: MailProvider): Failure {
  return { class: "permanent", reason: `${name} takes transactional mail only: bulk mail needs a connection, or a fallback, with another provider` };
}

async function recordAccepted(
  mails: readonly (AcceptedMail & Pick<SentMail, "about">)[],
  { provider, paused }: ProviderRoute,
  { records }: SenderOptions,
): Promise<void> {
  if (paused) await records.unpause(provider.name);
  await records.sent(mails.map(({ id, alias, about }) => ({ provider: provider.name, id, alias, about })));
}

/** The failure as the job gets it. The first mail with a wrong setting fails; mails that try the paused provider again wait. */
async function noteRefusal(failure: MailFailure, { provider, paused }: ProviderRoute, options: SenderOptions): Promise<Failure> {
  await suppressRefused(failure.refused, options);
  const visible = visibleOf(failure);
  if (failure.class !== "config") return visible;
  await options.records.pause(provider.name, failure.reason);
  const atGate = options.gate === undefined ? visible : { ...visible, gate: options.gate };
  return paused ? { ...atGate, class: "limited", retryAfter: pauseSeconds, reason: `the connection is paused: ${failure.reason}` } : atGate;
}

async function suppressRefused(refused: readonly RefusedRecipient[] | undefined, { records }: SenderOptions): Promise<void> {
  const addresses = (refused ?? []).filter(({ suppress }) => suppress).map(({ address }) => address);
  if (addresses.length > 0) await records.suppress(addresses);
}

function refusedIndexes(refused: readonly RefusedRecipient[] | undefined, { to }: MailMessage): { refused?: number[] } {
  if (!refused?.length) return {};
  const addresses = new Set(refused.map(({ address }) => address.toLowerCase()));
  return { refused: to.flatMap((each, index) => (addresses.has(mailboxAddress(each).toLowerCase()) ? [index] : [])) };
}

async function batch(
  send: NonNullable<MailProvider["sendBatch"]>,
  messages: readonly MailMessage[],
  sendOptions: SendOptions,
  options: SenderOptions,
): Promise<{ ok: true; value: readonly BatchSent[] } | { ok: false; failure: Failure }> {
  const [route] = options.routes;
  const issues = messages.map(messageIssue);
  const good = messages.filter((_, index) => issues[index] === undefined);
  const away = await leftBehind(sendOptions, options);
  if (away) return failed(away);
  const reply = good.length === 0 ? ok([]) : withHolderNote(await send(good, sendOptions), { holder: route.holder });
  if (!reply.ok) return failed(await noteRefusal(reply.failure, route, options));
  const items = [...reply.value];
  const all = issues.map((issue): MailBatchItem =>
    issue === undefined ? (items.shift() ?? missing) : { ok: false, failure: { class: "permanent", reason: issue } },
  );
  await recordAccepted(
    all.flatMap((each) => (each.ok ? [{ id: each.id, about: sendOptions.about }] : [])),
    route,
    options,
  );
  await suppressRefused(
    all.flatMap((each) => (each.ok ? [] : (each.failure.refused ?? []))),
    options,
  );
  return ok(all.map((each): BatchSent => (each.ok ? each : { ok: false, failure: visibleOf(each.failure) })));
}

/** The failure without its addresses. */
function visibleOf(failure: MailFailure): Failure {
  const { refused: _, ...shown } = failure;
  return shown;
}

const missing: MailBatchItem = { ok: false, failure: { class: "uncertain", reason: "the provider did not answer for this mail" } };
