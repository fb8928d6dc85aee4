import { randomUUID } from "node:crypto";
import { isRefusal, type Message, readMessage } from "./mail-message.ts";
import type { Answering, Call, Provider, Reply, World } from "./provider.ts";

/**
 * Cloudflare Email Service behind the stub of its binding: `POST /cloudflare/send` takes what `env.EMAIL.send` was given and answers
 * `{messageId}` or `{code}`, the code of the error that the binding throws. A sender's domain with the label `unverified` is not verified,
 * recipients named `suppressed` are suppressed. A fault's `body` may be `{"code": "E_RATE_LIMIT_EXCEEDED"}`.
 */
export const cloudflare: Provider = {
  name: "cloudflare",
  open(world) {
    return {
      answer: (call) => answer(call, world),
      refuse: (status) => ({ status, body: { code: status === 429 ? "E_RATE_LIMIT_EXCEEDED" : "E_INTERNAL_SERVER_ERROR" } }),
      reset: () => undefined,
    } satisfies Answering;
  },
};

async function answer(call: Call, world: World): Promise<Reply> {
  if (call.path !== "/send" || call.method !== "POST") return { status: 404, body: { code: "E_VALIDATION_ERROR" } };
  const { from, replyTo, ...rest } = JSON.parse(call.body) as Record<string, unknown>;
  const message = readMessage({ ...rest, from: written(from), reply_to: replyTo === undefined ? undefined : written(replyTo) });
  await call.pause();
  const code = isRefusal(message) ? (message.status === 403 ? "E_SENDER_NOT_VERIFIED" : "E_VALIDATION_ERROR") : refusedFor(message);
  if (code !== undefined || isRefusal(message)) return { status: 422, body: { code } };
  const id = `${randomUUID()}@sandbox.example`;
  world.effects.record(cloudflare.name, null);
  world.mailbox.deliver({ id, at: new Date(world.now()).toISOString(), ...message, idempotencyKey: null, source: call.body });
  return { status: 200, body: { messageId: id } };
}

function refusedFor({ to }: Message): string | undefined {
  return to.some((each) => each.startsWith("suppressed@")) ? "E_RECIPIENT_SUPPRESSED" : undefined;
}

function written(address: unknown): unknown {
  if (typeof address !== "object" || address === null) return address;
  const { email, name } = address as { email?: unknown; name?: unknown };
  return `${String(name)} <${String(email)}>`;
}
