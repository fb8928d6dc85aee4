import * as v from "valibot";
import { boundedList, boundedText } from "../bounded";
import { only, secret, url, whole } from "./connection-fields";
import { limitsSchema } from "./gate-limits";

const oneOf = <const Options extends readonly [string, ...string[]]>(...options: Options) => v.picklist(options, `must be ${options.join(", ")}`);

const dollars = v.pipe(v.number("must be USD per million tokens"), v.minValue(0, "must be at least 0"), v.maxValue(10_000, "must be at most 10,000"));

/** Settings of every provider of models. */
const settings = {
  limits: v.optional(limitsSchema),
  maxTokens: v.optional(whole(1_000_000)),
  temperature: v.optional(v.pipe(v.number(), v.minValue(0, "must be at least 0"), v.maxValue(2, "must be at most 2"))),
  tokensParameter: v.optional(oneOf("max_completion_tokens", "max_tokens", "none")),
  responseFormat: v.optional(oneOf("json_schema", "json_object", "none")),
  timeoutSeconds: v.optional(whole(300)),
  price: v.optional(v.strictObject({ input: dollars, output: dollars })),
  collectLog: v.optional(v.boolean("must be true or false")),
};

/** A model that Cloudflare hosts: models named by another vendor would be billed to the account at that vendor's prices. */
const ownModel = boundedText(200, {
  pattern: /^@(?:cf|hf)\/[\w.-]{1,60}\/[\w.-]{1,100}$/,
  rule: "must be a model of Workers AI such as @cf/google/gemma-3-12b-it",
});

const openaiFields = {
  provider: only("openai"),
  baseUrl: url,
  apiKey: secret,
  gatewayToken: v.optional(secret),
  model: boundedText(200, { min: 1 }),
  ...settings,
};
const workersAiFields = { provider: only("workers-ai"), model: ownModel, ...settings };
const wrongProvider = "must be openai or workers-ai";

const routeSchema = v.variant("provider", [v.strictObject(openaiFields), v.strictObject(workersAiFields)], wrongProvider);

/** Tried in this order, each after the one before failed or refused. */
const fallback = v.optional(boundedList(routeSchema, 3));

/** The body of `PUT /v1/connections/models`. */
export const modelsConnectionSchema = v.variant(
  "provider",
  [v.strictObject({ ...openaiFields, fallback }), v.strictObject({ ...workersAiFields, fallback })],
  wrongProvider,
);

/** One endpoint of the connection. */
export type ModelsRoute = v.InferOutput<typeof routeSchema>;
