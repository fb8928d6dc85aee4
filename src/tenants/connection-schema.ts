import * as v from "valibot";
import { sharedSecret } from "../domain/secret";
import { mailboxSchema } from "./tenant";

const url = v.pipe(v.string(), v.maxLength(2048, "must have at most 2048 characters"));
const secret = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,1024}$/, "must be 1 to 1024 visible characters without spaces"));
const whole = (most: number) =>
  v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"), v.maxValue(most, `must be at most ${most}`));

/** What the gate of a connection holds back; see gate-state.ts for what is meant and the defaults. */
const limitsSchema = v.strictObject({
  concurrency: v.optional(whole(1000)),
  perSecond: v.optional(v.pipe(v.number(), v.minValue(0.001, "must be at least 0.001"), v.maxValue(1000, "must be at most 1000"))),
  burst: v.optional(whole(1000)),
  breaker: v.optional(v.strictObject({ failures: v.optional(whole(1000)), openSeconds: v.optional(whole(600)) })),
});

/** An HTTP API that takes a key. `baseUrl` is where its paths begin. */
const api = { baseUrl: url, apiKey: secret, limits: v.optional(limitsSchema) };
/** An address that takes what is posted to it; the address itself is a secret. */
const hook = { url, secret: v.optional(sharedSecret), limits: v.optional(limitsSchema) };
const oneOf = <const Options extends readonly [string, ...string[]]>(...options: Options) => v.picklist(options, `must be ${options.join(", ")}`);
const only = <const Name extends string>(name: Name) => v.literal(name, `must be ${name}`);

/** The bodies of `PUT /v1/connections/{name}`, by name. A PUT replaces. */
export const connectionSchemas = {
  mail: v.strictObject({ provider: only("resend"), ...api, from: v.optional(mailboxSchema), replyTo: v.optional(mailboxSchema) }),
  slack: v.strictObject({ provider: only("slack"), ...hook }),
  crm: v.strictObject({ provider: only("hubspot"), ...api }),
  make: v.strictObject({ provider: only("make"), ...hook }),
  models: v.strictObject({
    provider: only("openai"),
    ...api,
    model: v.pipe(v.string(), v.minLength(1, "must not be empty"), v.maxLength(200, "must have at most 200 characters")),
    maxTokens: v.optional(whole(1_000_000)),
    temperature: v.optional(v.pipe(v.number(), v.minValue(0, "must be at least 0"), v.maxValue(2, "must be at most 2"))),
    tokensParameter: v.optional(oneOf("max_completion_tokens", "max_tokens", "none")),
    responseFormat: v.optional(oneOf("json_schema", "json_object", "none")),
    timeoutSeconds: v.optional(whole(300)),
  }),
} as const;

export type ConnectionName = keyof typeof connectionSchemas;

export const connectionNames = Object.keys(connectionSchemas) as ConnectionName[];

/** A connection with its credentials, as an adapter needs it. */
export type Connection<Name extends ConnectionName = ConnectionName> = v.InferOutput<(typeof connectionSchemas)[Name]>;

/** The fields that are sealed and never shown. */
export const secretFields = ["apiKey", "url", "secret"] as const;

/** The field that holds an outgoing address. */
export const addressFields = ["baseUrl", "url"] as const;

export function isConnectionName(name: string): name is ConnectionName {
  return Object.hasOwn(connectionSchemas, name);
}
