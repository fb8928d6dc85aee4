import { randomUUID } from "node:crypto";
import type { IdempotencyKeys } from "./idempotency.ts";
import { isRefusal, readMessage, refusal, type Message, type Refusal } from "./mail-message.ts";
import type { Answering, Call, Provider, Reply, World } from "./provider.ts";

const mostKeyLength = 256;
const mostInBatch = 100;

/** A mail API with the interface of Resend: `POST /emails`, `POST /emails/batch`, `GET /emails/{id}`. */
export const mail: Provider = {
  name: "mail",
  open(world) {
    const keys = world.keys(mail.name);
    return {
      answer: async (call) => rateLimited(await answer(call, world, keys)),
      refuse: (status) => rateLimited(faultReply(status)),
      reset: () => keys.clear(),
    } satisfies Answering;
  },
};

async function answer(call: Call, world: World, keys: IdempotencyKeys): Promise<Reply> {
  const stranger = withoutAccess(call);
  if (stranger) return refused(stranger);
  const found = /^\/emails(?:\/([^/]+))?$/.exec(call.path);
  if (!found) return refused(refusal(404, "not_found", "The requested endpoint does not exist."));
  const rest = found[1];
  if (rest !== undefined && rest !== "batch") return call.method === "GET" ? retrieve(rest, world) : refused(notAllowed);
  if (call.method !== "POST") return refused(notAllowed);
  return once(call, keys, () => (rest === "batch" ? sendBatch(call, world) : sendOne(call, world)));
}

const notAllowed = refusal(405, "method_not_allowed", "Method is not allowed for the requested path.");

/** A key that begins with `bad` is unknown, one that begins with `restricted` may not send. */
function withoutAccess(call: Call): Refusal | null {
  const key = /^Bearer (\S+)$/i.exec(call.headers["authorization"] ?? "")?.[1];
  if (!key) return refusal(401, "missing_api_key", "Missing API Key");
  if (key.startsWith("bad")) return refusal(403, "invalid_api_key", "API key is invalid");
  return key.startsWith("restricted") ? refusal(401, "restricted_api_key", "This API key is restricted to only read emails") : null;
}

/** Only what succeeded is remembered; a refused call may be corrected and sent again with its key. */
async function once(call: Call, keys: IdempotencyKeys, act: () => Reply): Promise<Reply> {
  if (call.key === null) return call.pause().then(act);
  if (call.key.length > mostKeyLength || call.key.length === 0) {
    return refused(refusal(400, "invalid_idempotency_key", `The key must be between 1-${mostKeyLength} chars.`));
  }
  const claim = keys.claim(call.key, `${call.path}\n${call.body}`);
  if (claim.verdict === "known") return claim.reply;
  if (claim.verdict === "other") return refused(refusal(409, "invalid_idempotent_request", "Same idempotency key used with a different request payload."));
  if (claim.verdict === "running") {
    return refused(refusal(409, "concurrent_idempotent_requests", "Same idempotency key used while original request is still in progress."));
  }
  await call.pause();
  const reply = act();
  keys.settle(call.key, reply.status < 300 ? reply : null);
  return reply;
}

function sendOne(call: Call, world: World): Reply {
  const input = parsed(call.body);
  if ("status" in input) return refused(input);
  const message = readMessage(input.value);
  if (isRefusal(message)) return refused(message);
  world.effects.record(mail.name, call.key);
  return { status: 200, body: { id: deliver(message, call, world) } };
}

/** Strict by default: one wrong message refuses all. `x-batch-validation: permissive` sends the others. */
function sendBatch(call: Call, world: World): Reply {
  const input = parsed(call.body);
  if ("status" in input) return refused(input);
  if (!Array.isArray(input.value) || input.value.length === 0) return refused(refusal(422, "validation_error", "The request body must be a non-empty array."));
  if (input.value.length > mostInBatch) return refused(refusal(422, "validation_error", `A batch must not have more than ${mostInBatch} emails.`));
  const read = input.value.map(readBatched);
  const wrong = read.find(isRefusal);
  const permissive = call.headers["x-batch-validation"] === "permissive";
  if (wrong && !permissive) return refused(wrong);
  const good = read.filter((each): each is Message => !isRefusal(each));
  if (good.length > 0) world.effects.record(mail.name, call.key);
  const data = good.map((message) => ({ id: deliver(message, call, world) }));
  const errors = read.flatMap((each, index) => (isRefusal(each) ? [{ index, message: each.message }] : []));
  return { status: 200, body: permissive ? { data, errors } : { data } };
}

function readBatched(input: unknown): Message | Refusal {
  const unsupported = ["attachments", "scheduled_at"].find((field) => typeof input === "object" && input !== null && field in input);
  return unsupported ? refusal(422, "validation_error", `The \`${unsupported}\` field is not supported in batches.`) : readMessage(input);
}

function deliver(message: Message, call: Call, world: World): string {
  const id = randomUUID();
  world.mailbox.deliver({ id, at: new Date(world.now()).toISOString(), ...message, idempotencyKey: call.key, source: call.body });
  return id;
}

function retrieve(id: string, world: World): Reply {
  const found = world.mailbox.get(id);
  if (!found) return refused(refusal(404, "not_found", "Email not found"));
  const { at, replyTo, headers: _headers, idempotencyKey: _key, ...rest } = found;
  return { status: 200, body: { object: "email", ...rest, reply_to: replyTo, created_at: at, last_event: "delivered" } };
}

function parsed(body: string): { value: unknown } | Refusal {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return refusal(400, "validation_error", "The request body is not valid JSON.");
  }
}

function refused(refusal: Refusal): Reply {
  return { status: refusal.status, body: { statusCode: refusal.status, name: refusal.name, message: refusal.message } };
}

const faultNames: Record<number, [name: string, message: string]> = {
  401: ["missing_api_key", "Missing API Key"],
  403: ["invalid_api_key", "API key is invalid"],
  404: ["not_found", "The requested endpoint does not exist."],
  409: ["concurrent_idempotent_requests", "Same idempotency key used while original request is still in progress."],
  422: ["validation_error", "The request is not valid."],
  429: ["rate_limit_exceeded", "Too many requests. You can only make 5 requests per second."],
  451: ["security_error", "We may have found a security issue with the request."],
  500: ["internal_server_error", "An unexpected error occurred."],
};

function faultReply(status: number): Reply {
  const [name, message] = faultNames[status] ?? ["application_error", "An unexpected error occurred."];
  const headers: Record<string, string> = status === 429 ? { "retry-after": "1", "ratelimit-remaining": "0" } : {};
  return { ...refused(refusal(status, name, message)), headers };
}

function rateLimited(reply: Reply): Reply {
  return { ...reply, headers: { "ratelimit-limit": "5", "ratelimit-remaining": "4", "ratelimit-reset": "1", ...reply.headers } };
}
