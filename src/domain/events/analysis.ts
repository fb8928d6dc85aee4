import * as v from "valibot";
import { boundedList, boundedText } from "../../bounded";
import { personal } from "../../masking/personal";

const words = (max: number) => v.pipe(boundedText(max, { min: 1 }), personal());
const score = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100));

/** The model's answer for a lead: all of these fields, and no others. */
export const leadResult = v.strictObject({
  summary: words(600),
  intent: v.picklist(["buy", "sell", "rent", "invest", "question", "spam", "unclear"]),
  urgency: v.picklist(["low", "medium", "high"]),
  score,
  nextStep: words(300),
});

/** The model's answer for an offer. */
export const offerResult = v.strictObject({
  summary: words(600),
  strength: v.picklist(["weak", "fair", "strong"]),
  score,
  risks: boundedList(words(200), 5),
  nextStep: words(300),
});

/** The model's instructions, by kind of event. */
export const analyses = {
  lead: {
    schema: leadResult,
    instructions:
      "You judge enquiries for a sales team. From the enquiry in JSON, say in one or two sentences what the person wants, what they intend, how urgent it is, " +
      "how promising it is from 0 to 100, and what the team should do next. Guess nothing that is not there; when in doubt say unclear and score low.",
  },
  offer: {
    schema: offerResult,
    instructions:
      "You judge offers for a sales team. From the offer in JSON, say in one or two sentences what is offered, how strong it is, a score from 0 to 100, " +
      "up to five risks, and what the team should do next. Guess nothing that is not there.",
  },
} as const;
