import * as v from "valibot";
import { sharedSecret } from "./shared-secret";
import { only, secret, url } from "./connection-fields";
import { limitsSchema } from "./gate-limits";
import { mailConnectionSchema } from "./mail-connection";
import { modelsConnectionSchema } from "./models-connection";

/** An HTTP API that takes a key. `baseUrl` is where its paths begin. */
const api = { baseUrl: url, apiKey: secret, limits: v.optional(limitsSchema) };
/** An address to which JSON is posted; the address itself is a secret. */
const hook = { url, secret: v.optional(sharedSecret), limits: v.optional(limitsSchema) };

/** The bodies of `PUT /v1/connections/{name}`, by name. */
export const connectionSchemas = {
  mail: mailConnectionSchema,
  slack: v.strictObject({ provider: only("slack"), ...hook }),
  crm: v.strictObject({ provider: only("hubspot"), ...api }),
  make: v.strictObject({ provider: only("make"), ...hook }),
  models: modelsConnectionSchema,
} as const;

export type ConnectionName = keyof typeof connectionSchemas;

export const connectionNames = Object.keys(connectionSchemas) as ConnectionName[];

/** A connection with its credentials, as an adapter needs it. */
export type Connection<Name extends ConnectionName = ConnectionName> = v.InferOutput<(typeof connectionSchemas)[Name]>;

/** The fields that are sealed and never shown. */
export const secretFields = ["apiKey", "url", "secret", "serverToken", "password", "webhookSecret", "gatewayToken"] as const;

/** The field that holds an outgoing address. */
export const addressFields = ["baseUrl", "url"] as const;

export function isConnectionName(name: string): name is ConnectionName {
  return Object.hasOwn(connectionSchemas, name);
}
