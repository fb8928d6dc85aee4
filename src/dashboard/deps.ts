import type { AnswerRequest } from "./api";
import type { SessionDeps } from "./session/cookie";

export interface DashboardDeps extends SessionDeps {
  /** Answers requests to `/v1`. */
  answer: AnswerRequest;
}
