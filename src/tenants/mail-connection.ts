import * as v from "valibot";
import { type AddressRules, checkHost } from "../address/address";
import { sha256Hex } from "../crypto";
import { only, secret, url } from "./connection-fields";
import { limitsSchema } from "./gate-limits";
import { mailboxSchema } from "./tenant";
import { boundedText } from "../bounded";

const text = (max: number) => boundedText(max, { min: 1 });
const stream = v.optional(boundedText(64, { pattern: /^[a-z0-9-]{1,64}$/, rule: "must be the id of a message stream: 1 to 64 of a-z, 0-9 and -" }));
const login = boundedText(512, { min: 1, pattern: /^[^\p{Cc}]*$/u, rule: "must have 1 to 512 characters, none of them a control character" });

/** Ports of a mail server; the platform blocks port 25. */
const smtpPorts: readonly number[] = [465, 587, 2525];

const tls = v.optional(
  v.union(
    [v.boolean(), v.picklist(["implicit", "starttls", "none"])],
    "must be implicit (TLS from the start), starttls or none; true and false mean implicit or starttls by the port, and none",
  ),
);

/** The settings of each provider, first or fallback. */
const providers = {
  cloudflare: {},
  resend: { baseUrl: v.optional(url), apiKey: secret },
  postmark: { baseUrl: v.optional(url), serverToken: secret, stream, bulkStream: stream },
  smtp: {
    host: text(253),
    port: v.pipe(
      v.number("must be a number"),
      v.integer("must be a whole number"),
      v.minValue(1, "must be at least 1"),
      v.maxValue(65_535, "must be at most 65535"),
    ),
    username: v.optional(login),
    password: v.optional(login),
    tls,
  },
};

/** What authenticates the provider's events: the signing secret, the password in the webhook's address, or for Amazon SES the ARN of the topic. */
const webhookSecret = v.optional(secret);
const wrongProvider = "must be cloudflare, resend, postmark or smtp";

const fallbackSchema = v.variant(
  "provider",
  [
    v.strictObject({ provider: only("cloudflare"), ...providers.cloudflare, webhookSecret }),
    v.strictObject({ provider: only("resend"), ...providers.resend, webhookSecret }),
    v.strictObject({ provider: only("postmark"), ...providers.postmark, webhookSecret }),
    v.strictObject({ provider: only("smtp"), ...providers.smtp, webhookSecret }),
  ],
  wrongProvider,
);

const shared = {
  webhookSecret,
  from: v.optional(mailboxSchema),
  replyTo: v.optional(mailboxSchema),
  limits: v.optional(limitsSchema),
  fallback: v.optional(fallbackSchema),
};

export const mailConnectionSchema = v.variant(
  "provider",
  [
    v.strictObject({ provider: only("cloudflare"), ...providers.cloudflare, ...shared }),
    v.strictObject({ provider: only("resend"), ...providers.resend, ...shared }),
    v.strictObject({ provider: only("postmark"), ...providers.postmark, ...shared }),
    v.strictObject({ provider: only("smtp"), ...providers.smtp, ...shared }),
  ],
  wrongProvider,
);

export type MailRoute = v.InferOutput<typeof fallbackSchema>;
export type MailConnection = v.InferOutput<typeof mailConnectionSchema>;

/** TLS from the start on port 465, else by STARTTLS, unless the connection sets it. */
export function tlsOf({ port, tls: mode }: { port: number; tls?: boolean | "implicit" | "starttls" | "none" | undefined }): "implicit" | "starttls" | "none" {
  if (mode === "implicit" || mode === "starttls" || mode === "none") return mode;
  if (mode === false) return "none";
  return port === 465 ? "implicit" : "starttls";
}

/** The name of an account at a provider. Another key or server is another account; a new password of a mail server is not. */
export async function holderOf({ provider, ...route }: MailConnection | MailRoute): Promise<string> {
  const { baseUrl, apiKey, serverToken, host, port, username } = route as Record<string, unknown>;
  const account = JSON.stringify([baseUrl, apiKey, serverToken, host, port, username]);
  return `${provider}:${await sha256Hex(account, 12)}`;
}

interface MailServer {
  host: string;
  port: number;
  tls?: boolean | "implicit" | "starttls" | "none" | undefined;
}

/** Why a mail server may not be called, with the field. Checked when it is set and before each connection. */
export function mailServerIssue(server: MailServer, rules: AddressRules): { path: "host" | "port" | "tls"; message: string } | undefined {
  const checked = checkHost(server.host, server.port, rules);
  if (!checked.ok) return { path: "host", message: checked.reason };
  if (checked.local) return undefined;
  if (server.port === 25) return { path: "port", message: "must not be 25, which the platform closes: use 465 or 587" };
  if (!smtpPorts.includes(server.port)) return { path: "port", message: `must be one of ${smtpPorts.join(", ")}` };
  if (tlsOf(server) === "none") return { path: "tls", message: "must not be none: credentials and mails would travel in clear" };
  return undefined;
}

/** Issues of a connection beyond its schema. */
export function mailIssues(connection: MailConnection, rules: AddressRules): { path: string; message: string }[] {
  const { fallback } = connection;
  const issues = [...routeIssues(connection, "", rules), ...(fallback ? routeIssues(fallback, "fallback.", rules) : [])];
  if (fallback?.provider === connection.provider) issues.push({ path: "fallback.provider", message: "must be another provider than the first" });
  return issues;
}

function routeIssues(route: MailRoute | MailConnection, prefix: string, rules: AddressRules): { path: string; message: string }[] {
  if (route.provider !== "smtp") return [];
  const issue = mailServerIssue(route, rules);
  const issues = issue ? [{ path: `${prefix}${issue.path}`, message: issue.message }] : [];
  if ((route.username === undefined) !== (route.password === undefined))
    issues.push({ path: `${prefix}password`, message: "username and password go together" });
  return issues;
}
