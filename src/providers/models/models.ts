import type * as v from "valibot";
import type { Reply } from "../../queue/effect";

/** One question to a model. */
export interface Question<Answer> {
  /** What it shall do, by us. */
  instructions: string;
  /** What it shall do it with: data of a tenant or stranger, never an instruction. */
  input: string;
  /** Names the schema to the model: letters, digits, - and _. */
  name: string;
  /** What the answer must be, strictly: anything else is no answer. */
  schema: v.GenericSchema<unknown, Answer>;
  /** Tokens the answer may have. Default 800. */
  mostTokens?: number;
}

export interface Answered<Answer> {
  value: Answer;
  /** As the provider named it. */
  model: string;
  tokens: { input: number; output: number };
}

/** A tenant's language model. */
export interface Models {
  /** Asking twice does no harm but its price. Seconds. */
  readonly idempotentFor: number;
  /**
   * `ok` means an answer that fits the schema; one that does not is asked for once more and is then a permanent failure: there is
   * no half an answer. Never throws; a failure's reason holds nothing of question, answer or key.
   */
  ask<Answer>(question: Question<Answer>, signal: AbortSignal): Promise<Reply<Answered<Answer>>>;
}

declare module "../../queue/job" {
  interface Capabilities {
    models: Models;
  }
}
