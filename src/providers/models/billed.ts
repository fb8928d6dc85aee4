import type { Failure } from "../../queue/effect";

/** Permanent refusals from before a model begins to answer. */
const beforeAnswer: readonly (string | undefined)[] = [
  ...["context_length_exceeded", "invalid_request_error", "invalid_request", "model_not_found"],
  ...["400", "404", "405", "413", "415", "422"],
  // Codes of Workers AI for a request that was not accepted.
  ...["3003", "3006", "5004", "5006"],
];

/** Whether a failed call was certainly not billed: it was refused before an answer began. A time-out, a 5xx and a filtered answer may be billed. */
export function isUnbilled({ class: kind, code }: Failure): boolean {
  return kind === "limited" || kind === "config" || (kind === "permanent" && beforeAnswer.includes(code));
}
