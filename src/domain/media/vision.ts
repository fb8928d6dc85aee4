import { toBase64 } from "../../base64";
import type { Models } from "../../providers/models/models";
import { failed, ok } from "../../queue/effect";
import type { Missing } from "../../queue/engine";
import { altTextFrom, description, instructionsFor, type Vision } from "./alt-text";

/** Codes with which a model refuses to describe a picture. A retry does not help. */
const unwilling = ["refusal", "content_filter"];

/** Alt texts by the tenant's language model. Without a model every call fails with the reason. */
export function createVision(models: Models | Missing): Vision {
  if ("missing" in models) return { idempotentFor: 0, describe: () => Promise.resolve(failed({ class: "config", reason: models.missing })) };
  return {
    idempotentFor: models.idempotentFor,
    async describe(picture, language, signal, job) {
      // Models do not fetch pictures from addresses.
      const input = [{ type: "image" as const, url: `data:image/jpeg;base64,${toBase64(picture)}` }];
      const answered = await models.ask({ instructions: instructionsFor(language), input, name: "alt_text", schema: description }, signal, { job });
      if (!answered.ok) return unwilling.includes(answered.failure.code ?? "") ? ok(null) : answered;
      const { value, model } = answered.value;
      const text = altTextFrom(value);
      return ok(text === null ? null : { text, source: "ai" as const, model, confidence: value.confidence, language });
    },
  };
}
