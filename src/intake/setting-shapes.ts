import * as v from "valibot";
import { isoTime, outputList, outputRecord } from "../bounded";
import { limitsSchema } from "../tenants/gate-limits";
import { projectSchema } from "../tenants/project-schema";
import { webhookFormats, webhookSchema } from "../tenants/site";
import { dated } from "./shapes";

/** Shapes of connections, sites and lead projects in answers: what was set, without its secrets. */

/** Settings of a provider, the first or a fallback; each has its own. */
const providerEntries = {
  provider: v.string(),
  baseUrl: v.optional(v.string()),
  host: v.optional(v.pipe(v.string(), v.description("Of a mail server; or of a `url`, which is a secret"))),
  port: v.optional(v.number()),
  username: v.optional(v.string()),
  tls: v.optional(v.union([v.boolean(), v.string()])),
  stream: v.optional(v.string()),
  bulkStream: v.optional(v.string()),
  model: v.optional(v.string()),
  maxTokens: v.optional(v.number()),
  temperature: v.optional(v.number()),
  tokensParameter: v.optional(v.string()),
  responseFormat: v.optional(v.string()),
  timeoutSeconds: v.optional(v.number()),
  price: v.optional(v.object({ input: v.number(), output: v.number() })),
  collectLog: v.optional(v.boolean()),
  limits: v.optional(limitsSchema),
};
const fallback = v.object(providerEntries);
const pause = v.object({ reason: v.string(), since: isoTime });

export const connectionShape = v.object({
  name: v.string(),
  ...providerEntries,
  from: v.optional(v.string()),
  replyTo: v.optional(v.string()),
  signed: v.optional(v.pipe(v.boolean(), v.description("Whether a signing secret is set, where there can be one"))),
  fallback: v.optional(v.union([fallback, outputList(fallback)])),
  paused: v.optional(v.pipe(outputRecord(pause), v.description("By provider: why it is not called until a setting changes"))),
  ...dated,
});

// A stored webhook has its defaults.
const webhook = v.object({ ...v.omit(webhookSchema, ["secret"]).entries, header: v.string(), format: v.picklist(webhookFormats) });

export const siteShape = v.object({
  site: v.string(),
  platform: v.string(),
  url: v.string(),
  keyIn: v.string(),
  webhook: v.nullable(webhook),
  ...dated,
});

const { turnstileSecret: __, crmSecret: ___, ...projectSettings } = projectSchema.entries;

export const projectShape = v.object({
  project: v.string(),
  siteKey: v.string(),
  formId: v.string(),
  turnstile: v.pipe(v.boolean(), v.description("Whether a secret of the captcha is set")),
  crmCallback: v.pipe(v.boolean(), v.description("Whether the project has a secret of its own for CRM callbacks")),
  ...projectSettings,
  ...dated,
});
