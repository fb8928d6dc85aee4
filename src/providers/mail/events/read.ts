import { fromBase64 } from "../../../base64";
import { equalSecrets } from "../../../crypto";
import { verify } from "../../../standard-webhooks";
import type { Http } from "../../http";
import type { ReadMailEvents, SignedIncoming } from "./event";
import { type ReportFields, jsonOf, textIn } from "./fields";
import { eventsOfPostmark } from "./postmark";
import { eventsOfResend } from "./resend";
import { eventsOfSes } from "./ses";
import { addressOfSns, isFromSns } from "./sns";

/** Time limit of one delivery with its outside calls. Milliseconds. */
const maxDeliveryMs = 10_000;

/** Reads reports of providers; `http` is for certificates and confirmations of Amazon SNS. */
export function createMailEventReader(http: Http): ReadMailEvents {
  return async (provider, secret, incoming, now) => (Object.hasOwn(readers, provider) ? readers[provider]?.({ http, now }, secret, incoming) : undefined);
}

type Reader = (deps: { http: Http; now: number }, secret: string, incoming: SignedIncoming) => ReturnType<ReadMailEvents>;

/** By the provider's name in the path. */
const readers: Readonly<Record<string, Reader>> = {
  async resend({ now }, secret, { headers, body }) {
    const checked = await verify(secret, headers, body, now);
    if (!checked.ok) return undefined;
    const fields = jsonOf(new TextDecoder().decode(body));
    return fields ? eventsOfResend(fields, checked.id) : "malformed";
  },
  async postmark(_deps, secret, incoming) {
    if (!(await isWithSecret(secret, incoming))) return undefined;
    const fields = jsonOf(new TextDecoder().decode(incoming.body));
    return fields ? eventsOfPostmark(fields) : "malformed";
  },
  async ses({ http, now }, secret, incoming) {
    const message = jsonOf(new TextDecoder().decode(incoming.body));
    if (!message || !(await isOfTopic(secret, message, incoming))) return undefined;
    const limit = { http, now, signal: AbortSignal.timeout(maxDeliveryMs) };
    if (!(await isFromSns(message, limit))) return undefined;
    if (textIn(message, "Type") === "SubscriptionConfirmation") return confirm(message, limit);
    const notification = textIn(message, "Type") === "Notification" ? jsonOf(textIn(message, "Message", 300_000) ?? "") : undefined;
    return eventsOfSes(notification ?? {}, textIn(message, "MessageId", 100) ?? "");
  },
};

/** The secret is the signed ARN of the topic, or a password in the address. Without either, any topic could report. */
async function isOfTopic(secret: string, message: ReportFields, incoming: SignedIncoming): Promise<boolean> {
  return secret.startsWith("arn:") ? equalSecrets(textIn(message, "TopicArn") ?? "", secret) : isWithSecret(secret, incoming);
}

/** The secret is the password, or the whole content, of `Authorization: Basic`, or `?token=`. */
async function isWithSecret(secret: string, { headers, token }: SignedIncoming): Promise<boolean> {
  const login = basicOf(headers.get("authorization") ?? "");
  const candidates = [login, login.slice(login.indexOf(":") + 1), token ?? ""];
  const matches = await Promise.all(candidates.map((each) => equalSecrets(each, secret)));
  return matches.includes(true);
}

function basicOf(header: string): string {
  const encoded = /^Basic +([A-Za-z0-9+/]{1,3000}={0,2}) *$/i.exec(header)?.[1];
  // Without base64 there is no password.
  return new TextDecoder().decode(fromBase64(encoded ?? ""));
}

async function confirm(message: ReportFields, { http, signal }: Parameters<typeof isFromSns>[1]): Promise<"taken" | "unknown" | undefined> {
  const url = addressOfSns(textIn(message, "SubscribeURL", 4000));
  if (!url) return undefined;
  const reply = await http({ url: url.href, signal, redirects: "answer" });
  return reply.ok && reply.value.status < 300 ? "taken" : "unknown";
}
