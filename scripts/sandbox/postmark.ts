import { randomUUID } from "node:crypto";
import { isRefusal, readMessage } from "./mail-message.ts";
import type { Answering, Call, Provider, Reply, World } from "./provider.ts";

/**
 * Postmark's `POST /postmark/email`. There is no idempotency: every accepted call is a mail. A token that begins with `bad` is unknown, one that
 * begins with `pending` belongs to an account that may not send yet; recipients named `inactive` are inactive; a sender's domain with the label
 * `unverified` has no signature.
 */
export const postmark: Provider = {
  name: "postmark",
  open(world) {
    return {
      answer: (call) => answer(call, world),
      refuse: (status) => faults[status] ?? refusal(status, 0, "An error occurred."),
      reset: () => undefined,
    } satisfies Answering;
  },
};

const faults: Record<number, Reply> = {
  401: refusal(401, 10, "No Account or Server API tokens were supplied in the HTTP headers."),
  422: refusal(422, 300, "Invalid email request"),
  429: refusal(429, 429, "Rate limit exceeded"),
  500: refusal(500, 0, "Internal server error"),
  503: refusal(503, 100, "Maintenance"),
};

async function answer(call: Call, world: World): Promise<Reply> {
  const token = call.headers["x-postmark-server-token"] ?? "";
  if (token === "" || token.startsWith("bad"))
    return refusal(401, 10, "The Server Token you provided in the X-Postmark-Server-Token request header was invalid.");
  if (call.path !== "/email") return { status: 404, body: "" };
  if (call.method !== "POST") return { status: 405, body: "" };
  const input = parsed(call.body);
  if (!input) return refusal(422, 402, "Invalid JSON");
  if (token.startsWith("pending")) return refusal(422, 412, "Your account is pending approval, so you can only send to your own domain.");
  await call.pause();
  return accept(input, call, world);
}

function accept(input: Record<string, unknown>, call: Call, world: World): Reply {
  const message = readMessage(resendShaped(input));
  if (isRefusal(message))
    return message.status === 403 ? refusal(422, 400, "The 'From' address you supplied is not a Sender Signature.") : refusal(422, 300, message.message);
  const inactive = message.to.filter((each) => /(?:^|<)inactive@/i.test(each));
  const names = inactive.join(", ");
  if (inactive.length === message.to.length)
    return refusal(422, 406, `You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: ${names}. `);
  const id = randomUUID();
  world.effects.record(postmark.name, null);
  const to = message.to.filter((each) => !inactive.includes(each));
  world.mailbox.deliver({ id, at: new Date(world.now()).toISOString(), ...message, to, idempotencyKey: null, source: call.body });
  const Message = inactive.length > 0 ? `Message OK, but will not deliver to these inactive addresses: ${names}.` : "OK";
  return { status: 200, body: { To: message.to.join(", "), SubmittedAt: new Date(world.now()).toISOString(), MessageID: id, ErrorCode: 0, Message } };
}

/** The same message under the names of the other API, whose rules it is read by. */
function resendShaped(input: Record<string, unknown>): Record<string, unknown> {
  const { From, To, ReplyTo, Subject, HtmlBody, TextBody, Headers } = input;
  const headers = Array.isArray(Headers)
    ? Object.fromEntries(Headers.map((each: { Name?: unknown; Value?: unknown }) => [String(each.Name), String(each.Value)]))
    : {};
  const to = typeof To === "string" ? To.split(/,\s*(?=[^,]*@)/) : To;
  return { from: From, to, reply_to: ReplyTo, subject: Subject, html: HtmlBody, text: TextBody, headers };
}

function refusal(status: number, ErrorCode: number, Message: string): Reply {
  return { status, headers: status === 429 ? { "retry-after": "1" } : {}, body: { ErrorCode, Message } };
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
