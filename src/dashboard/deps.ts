import type { AnswerRequest } from "./api";
import type { AccessSignIn } from "./session/access";
import type { SessionDeps } from "./session/cookie";

export interface DashboardDeps extends SessionDeps {
  answer: AnswerRequest;
  /** Signs in people whom Cloudflare Access has authenticated. Without it, only tokens open the pages. */
  access?: AccessSignIn;
}
