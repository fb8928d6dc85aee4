import type { Reply } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import { parseJson } from "../../json/json";
import type { Http, HttpAnswer } from "../http";
import { answerTo } from "./ask";
import { chatBy, dialectOf, type Exchange, usualTimeoutSeconds } from "./chat";
import type { Learned } from "./learned";
import type { Models } from "./models";
import { errorIn, isAboutParameters, modelRefusal } from "./refusal";
import { textsOf } from "./request";
import type { ModelSettings } from "./settings";

interface OpenaiOptions {
  http: Http;
  apiKey: string;
  /** Base of its paths: `https://api.openai.com/v1`. */
  baseUrl: string;
  model: string;
  settings?: ModelSettings;
  /** Shared by all calls of an isolate. */
  learned: Learned;
  /** The tenant: keys of tenants may have different permissions. */
  tenant: string;
  /** Token of an authenticated AI Gateway, whose address is the `baseUrl`. */
  gatewayToken?: string | undefined;
  /** Whether an AI Gateway logs requests and answers. Default false. */
  collectLog?: boolean | undefined;
  /** Milliseconds of the Worker's clock. */
  now: () => number;
}

/**
 * Chat completions of OpenAI, or of a compatible API. A repeat is harmless, so a lost connection is
 * `transient`. Source: OpenAI's API reference, structured outputs and error codes.
 */
export function createOpenai(options: OpenaiOptions): Models {
  const { settings = {}, learned, now } = options;
  const endpoint = JSON.stringify([options.tenant, options.baseUrl, options.model, settings]);
  const usual = { temperature: 0, tokensParameter: "max_completion_tokens", responseFormat: "json_schema" } as const;
  const chat = chatBy({ endpoint, model: options.model, dialect: dialectOf(settings, usual), settings, learned, now }, async (call) => {
    const reply = await post(call, options);
    if (!reply.ok) return failed({ ...reply.failure, reason: `models: ${reply.failure.reason}` });
    const json = parseJson(reply.value.text());
    const body = json.ok ? json.value : undefined;
    const refused = errorIn(reply.value, body);
    // A partial answer, or a gateway's page. JSON that is no completion comes from another API and is a permanent failure.
    if (!refused && !json.ok && json.reason === "malformed") return failed({ class: "transient", reason: "models: the answer is no JSON" });
    if (!refused) return ok({ body });
    const failure = modelRefusal(
      refused,
      [options.apiKey, ...(options.gatewayToken === undefined ? [] : [options.gatewayToken]), ...textsOf(call.chatRequest.messages)],
      now(),
    );
    return ok({ refused: { ...refused, isAboutParameters: isAboutParameters(refused), failure } });
  });
  return {
    idempotentFor: Number.POSITIVE_INFINITY,
    endpoints: [{ model: options.model, price: settings.price }],
    chat,
    ask: (question, signal, call) => answerTo(question, chat, signal, call),
  };
}

/** The gateway's own retries would multiply those of the ledger. */
function gatewayHeaders({ baseUrl, gatewayToken, collectLog = false, tenant }: OpenaiOptions, job: string | undefined): Record<string, string> {
  if (gatewayToken === undefined && new URL(baseUrl).hostname !== "gateway.ai.cloudflare.com") return {};
  return {
    "cf-aig-max-attempts": "1",
    "cf-aig-skip-cache": "true",
    "cf-aig-collect-log": String(collectLog),
    "cf-aig-metadata": JSON.stringify({ tenant, job }),
    ...(gatewayToken === undefined ? {} : { "cf-aig-authorization": `Bearer ${gatewayToken}` }),
  };
}

function post({ request, signal, job }: Exchange, options: OpenaiOptions): Promise<Reply<HttpAnswer>> {
  const { http, baseUrl, apiKey, model, settings = {} } = options;
  return http({
    method: "POST",
    url: `${baseUrl.replace(/\/$/, "")}/chat/completions`,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json", accept: "application/json", ...gatewayHeaders(options, job) },
    body: JSON.stringify({ model, ...request }),
    repeatable: true,
    timeLimit: (settings.timeoutSeconds ?? usualTimeoutSeconds) * 1000,
    signal,
  });
}
