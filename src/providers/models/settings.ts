/** The parameter for the bound of an answer's tokens; `none`: it is not sent. */
export type TokensParameter = "max_completion_tokens" | "max_tokens" | "none";

/** How JSON is requested of an endpoint. Without `json_schema` the schema is in the instructions. */
export type ResponseFormat = "json_schema" | "json_object" | "none";

/** A tenant's settings of its model's endpoint. */
export interface ModelSettings {
  /** Upper bound of the tokens of any answer, thinking included. Default 4,000, and 16,000 once an answer was cut off. */
  maxTokens?: number | undefined;
  /** Default 0; omitted where the endpoint refuses it. */
  temperature?: number | undefined;
  /** Default `max_completion_tokens`, else what the endpoint accepts. */
  tokensParameter?: TokensParameter | undefined;
  /** Default `json_schema`, else what the endpoint accepts. */
  responseFormat?: ResponseFormat | undefined;
  /** Time limit of one call. Seconds, default 60. */
  timeoutSeconds?: number | undefined;
  /** USD per million tokens, where the model is not in the table of prices or the tenant pays another price. */
  price?: { input: number; output: number } | undefined;
}
