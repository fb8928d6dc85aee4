import type { MailFailure, MailMessage, MailProvider, MailProviderName, MailReply } from "../../../src/providers/mail/mail";
import { createMail, type MailRecords, type Switching } from "../../../src/providers/mail/sender";

export const message: MailMessage = { from: "shop@example.com", to: ["ada@example.com"], subject: "s", text: "t" };
export const options = { idempotencyKey: "job-1:send:0", signal: new AbortController().signal, about: { job: "job-1" } };
export const taken: MailReply = { ok: true, value: { id: "m-1" } };
export const refusal = (kind: MailFailure["class"], more: Partial<MailFailure> = {}): MailReply => ({
  ok: false,
  failure: { class: kind, reason: kind, ...more },
});

export interface World {
  mail: ReturnType<typeof createMail>;
  sent: string[];
  /** What was handed to the providers. */
  messages: MailMessage[];
  records: [what: string, ...rest: unknown[]][];
  tried: Map<string, { holder: string; at: number }>;
  closed: Set<MailProviderName>;
  switching: Switching;
}

interface Setting {
  idempotent?: string[];
  paused?: string[];
  account?: string;
  /** What an earlier connection of the tenant noted. */
  before?: World;
  now?: number;
}

/** One or two providers that give these answers, one a call, the last one for ever. */
export function world(
  answers: Partial<Record<MailProviderName, MailReply[]>>,
  { idempotent = ["resend"], paused = [], account = "1", before, now = 30_000 }: Setting = {},
): World {
  const sent: string[] = [];
  const messages: MailMessage[] = [];
  const records: World["records"] = [];
  const tried: World["tried"] = before?.tried ?? new Map();
  const closed: World["closed"] = new Set();
  const routes = Object.entries(answers).map(([name, replies]) => {
    const provider: MailProvider = {
      name: name as MailProviderName,
      idempotentFor: idempotent.includes(name) ? 86_400 : 0,
      takesBulk: name !== "cloudflare",
      send: async (message, { idempotencyKey }) => {
        sent.push(`${name} ${idempotencyKey}`);
        messages.push(message);
        return (replies.length > 1 ? replies.shift() : replies[0]) ?? taken;
      },
    };
    return { provider, holder: `${name}:${account}`, paused: paused.includes(name) };
  });
  const noted: MailRecords = {
    suppress: async (addresses) => void records.push(["suppress", ...addresses]),
    sent: async (mails) => void records.push(["sent", ...mails.map(({ provider, id, about }) => `${provider} ${id} ${about?.job}`)]),
    pause: async (provider, reason) => void records.push(["pause", provider, reason]),
    unpause: async (provider) => void records.push(["unpause", provider]),
  };
  const switching: Switching = {
    enter: async (provider) => (closed.has(provider) ? { until: 90_000 } : { lease: "l" }),
    leave: async () => undefined,
    calls: () => "answered",
    begin: async (key, holder) => {
      const known = tried.get(key);
      if (known === undefined) tried.set(key, { holder, at: now });
      return { ...(known ?? { holder, at: now }), again: known !== undefined };
    },
    clear: async (key) => void tried.delete(key),
  };
  const made = createMail({
    routes: routes as never,
    records: noted,
    gate: routes.length === 1 ? "mail" : undefined,
    switching: routes.length > 1 ? switching : undefined,
    earlierHolder: async (key) => tried.get(key)?.holder,
    now: () => now,
  });
  return { mail: made, sent, messages, records, tried, closed, switching };
}
