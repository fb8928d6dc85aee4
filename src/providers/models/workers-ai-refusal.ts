import { recordOf } from "../../json/record";
import { messageOf } from "../../errors";
import type { Failure } from "../../queue/effect";
import { untilNextDay } from "../quota";
import type { ModelRefusal } from "./chat";
import { misfit } from "./completion";

interface Meaning {
  class: Failure["class"];
  meaning: string;
  /** Replaces the number. */
  code?: string;
}

/** Seconds to wait for capacity. */
const usualWaitSeconds = 20;

/** Codes of Workers AI, and of the guardrails of AI Gateway (2016, 2017). */
const byCode: Record<string, Meaning> = {
  "2003": { class: "limited", meaning: "the gateway's rate is exceeded" },
  "2016": { class: "permanent", meaning: "the gateway blocked the question", code: "content_filter" },
  "2017": { class: "permanent", meaning: "the gateway blocked the answer", code: "content_filter" },
  "3003": { class: "permanent", meaning: "the request is not complete" },
  "3006": { class: "permanent", meaning: "the request is too large" },
  "3007": { class: "transient", meaning: "it took too long" },
  "3008": { class: "transient", meaning: "it was broken off" },
  "3023": { class: "config", meaning: "the account is blocked" },
  "3036": { class: "limited", meaning: "the account has used up its neurons of the day" },
  "3039": { class: "config", meaning: "the finetune lacks files" },
  "3040": { class: "limited", meaning: "no capacity" },
  "3041": { class: "config", meaning: "the account may not use this model" },
  "3042": { class: "config", meaning: "there is no such model", code: "model_not_found" },
  "5004": { class: "permanent", meaning: "the data is of a wrong type" },
  "5005": { class: "config", meaning: "the model takes no LoRA" },
  "5006": { class: "permanent", meaning: "the model does not take this input" },
  "5007": { class: "config", meaning: "there is no such model", code: "model_not_found" },
  "5016": { class: "config", meaning: "the model's licence must be agreed to first" },
  "5018": { class: "config", meaning: "the account may not use this model" },
  "5019": { class: "config", meaning: "the version of the interface is no longer taken" },
  "5021": { class: "permanent", meaning: "question and answer exceed the model's context", code: "context_length_exceeded" },
};

/** Errors without a code, or with one outside the table. */
const byText: readonly [RegExp, Meaning][] = [
  [/JSON Mode couldn'?t be met/i, { class: "permanent", meaning: "it found no JSON of the schema", code: misfit }],
  [
    /maximum context length|context window limit/i,
    { class: "permanent", meaning: "question and answer exceed the model's context", code: "context_length_exceeded" },
  ],
];

/**
 * The failure for an error of the binding. Its text may repeat the request, so only the code is kept. `isFault`: the error
 * is the service's, not the call's.
 */
export function refusalIn(thrown: unknown, isTimeout: boolean, now: number): ModelRefusal & { isFault: boolean } {
  const text = messageOf(thrown).slice(0, 4000);
  const number = isTimeout ? "3007" : codeIn(thrown, text);
  const named = byText.find(([pattern]) => pattern.test(text))?.[1] ?? (number === undefined ? undefined : byCode[number]);
  const { class: kind, meaning, code = number } = named ?? { class: "transient" as const, meaning: "it failed for an unknown reason" };
  const failure: Failure = {
    class: kind,
    reason: `models: ${["Workers AI", number].filter(Boolean).join(" ")}: ${meaning}`,
    ...(code === undefined ? {} : { code }),
    ...(kind === "limited" ? { retryAfter: number === "3036" ? untilNextDay(now) : usualWaitSeconds } : {}),
  };
  return { isAboutParameters: number === "5006" || named === undefined, text, failure, isFault: kind === "transient" || number === "3040" };
}

/** Numbers are before the text, after the name of an error (`AiError: 3040: …`), or in its field `code`. */
function codeIn(thrown: unknown, text: string): string | undefined {
  const field = String(recordOf(thrown)["code"] ?? "");
  return /^\d{4}$/.exec(field)?.[0] ?? /^(?:\w{1,40}: ?){0,3}\[?(\d{4})\]?(?::|$)/.exec(text)?.[1];
}
