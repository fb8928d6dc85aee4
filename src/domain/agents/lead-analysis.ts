import * as v from "valibot";
import { analyses, leadResult, offerResult } from "../events/analysis";
import { jsonObject } from "../../bounded";
import { ok } from "../../queue/effect";
import { personal } from "../../masking/personal";
import { defineAgent } from "./define";

/** Longer input is cut: the beginning of an enquiry matters most, and tokens cost. Characters. */
const maxInput = 12_000;

/** Analyses a lead or an offer: score, summary, next step. The event router enqueues it. */
export const leadAnalysis = defineAgent({
  type: "lead-analysis",
  description: "Judges a lead or an offer: a score from 0 to 100, a summary and the next step.",
  instructions: `The message names what it is about in \`subject\`.\nOf a lead: ${analyses.lead.instructions}\nOf an offer: ${analyses.offer.instructions}`,
  input: v.strictObject({
    subject: v.picklist(["lead", "offer"], "must be lead or offer"),
    data: v.pipe(jsonObject(), personal()),
  }),
  prepare: ({ subject, data }) => {
    const text = JSON.stringify(data);
    const input: unknown = text.length <= maxInput ? data : text.slice(0, maxInput).toWellFormed();
    return Promise.resolve(ok({ data: { subject, [subject]: input }, ids: [], reads: "untrusted" }));
  },
  // An object: the strict modes of providers accept no union at the root of a schema.
  output: v.strictObject({ verdict: v.union([leadResult, offerResult]) }),
  limits: { maxSteps: 2, maxTokens: 60_000 },
  maxAnswerTokens: 2000,
});
