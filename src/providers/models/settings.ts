/** The parameters under which endpoints take the most tokens an answer may have; `none`: it is not sent. */
export type TokensParameter = "max_completion_tokens" | "max_tokens" | "none";

/** How an endpoint is asked for JSON. Without `json_schema` the schema stands in the instructions. */
export type ResponseFormat = "json_schema" | "json_object" | "none";

/** A tenant's settings of its model's endpoint. */
export interface ModelSettings {
  /** Tokens any answer may have, thinking included: an upper bound. Without it 4,000, and 16,000 once an answer was cut off. */
  maxTokens?: number | undefined;
  /** Default 0, left out where the endpoint refuses it. */
  temperature?: number | undefined;
  /** Default `max_completion_tokens`, else what the endpoint takes. */
  tokensParameter?: TokensParameter | undefined;
  /** Default `json_schema`, else what the endpoint takes. */
  responseFormat?: ResponseFormat | undefined;
  /** Seconds one call may take. Default 60. */
  timeoutSeconds?: number | undefined;
  /** USD per million tokens, where the table of prices does not know the model or the tenant pays another price. */
  price?: { input: number; output: number } | undefined;
}
