import type { AnswerRequest } from "./api";
import type { AccessSignIn } from "./session/access";
import type { SessionDeps } from "./session/cookie";

export interface DashboardDeps extends SessionDeps {
  /** Answers requests to `/v1`. */
  answer: AnswerRequest;
  /** Lets in whom Cloudflare Access vouches for. Without it, only tokens open the pages. */
  access?: AccessSignIn;
}
