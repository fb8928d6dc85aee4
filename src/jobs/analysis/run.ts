import { analyses } from "../../domain/events/analysis";
import { outcomeOf } from "../../queue/effect";
import type { Run } from "../../queue/job";
import { done } from "../../queue/outcome";
import type { Answered } from "../../providers/models/models";
import type { analysis } from "./job";

// Longer input is cut: the beginning of an enquiry matters most, and tokens cost. Characters.
const maxInput = 12_000;

export const runAnalysis: Run<typeof analysis> = async ({ subject, data }, context) => {
  const { instructions, schema } = analyses[subject];
  const question = { instructions, input: JSON.stringify(data).slice(0, maxInput).toWellFormed(), name: `${subject}_verdict`, schema };
  const ask = () => context.models.ask<unknown>(question, context.signal);
  const answered = await context.effect<Answered<unknown>>("ask", ask, { idempotentFor: context.models.idempotentFor });
  if (!answered.ok) return outcomeOf(answered.failure, context.now());
  const { value: verdict, model, tokens } = answered.value ?? { value: null, model: null, tokens: { input: 0, output: 0 } };
  return done({ verdict, model, tokens });
};
