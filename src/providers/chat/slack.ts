import type { Failure } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import type { Http, HttpAnswer } from "../http";
import { quoted } from "../../masking/provider-text";
import { retryAfter } from "../retry-after";
import { statusFailure } from "../status";
import type { Channel } from "./chat";

interface SlackOptions {
  http: Http;
  /** Address of the incoming webhook; a secret. */
  url: string;
  /** Milliseconds of the Worker's clock. */
  now: () => number;
}

/**
 * An incoming webhook of Slack. Its refusals are plain text, one word (`no_service`), and it has no idempotency keys:
 * a lost answer is `uncertain`. Source: Slack's changelog of 2016-05-17, "Changes to errors from incoming webhooks".
 */
export function createSlack(options: SlackOptions): Channel {
  return {
    post: async ({ text, blocks }, signal) => {
      const body = JSON.stringify({ text, blocks });
      const reply = await options.http({ method: "POST", url: options.url, headers: { "content-type": "application/json" }, body, signal });
      if (!reply.ok) return failed({ ...reply.failure, reason: `Slack: ${reply.failure.reason}` });
      return reply.value.status === 200 ? ok({ posted: true as const }) : failed(slackFailure(reply.value, options));
    },
  };
}

/** The hook, its channel or the workspace no longer exists: no message can arrive there. */
const gone = ["no_service", "no_service_id", "invalid_token", "channel_is_archived", "channel_not_found", "no_team", "team_disabled"];
/** A rule of the workspace that its owner must change; it may concern this message only. */
const prohibited = ["action_prohibited", "posting_to_general_channel_denied"];

function slackFailure(answer: HttpAnswer, { url, now: clock }: SlackOptions): Failure {
  const now = clock();
  const answerWord = /^[a-z_]{1,64}$/.exec(answer.text().trim())?.[0];
  const usual = statusFailure(answer.status, answer.headers, { repeatable: false, now });
  const reason = `Slack: ${answer.status}${answerWord ? ` ${answerWord}` : ""}`;
  // A single word is Slack's code; any other text comes from a proxy.
  const quote = answerWord === undefined ? quoted(answer.text().slice(0, 2000), [url]) : {};
  return { ...usual, code: answerWord ?? String(answer.status), ...special(answer, answerWord, now), reason, ...quote };
}

function special(answer: HttpAnswer, word: string | undefined, now: number): Partial<Failure> {
  if (answer.status === 429) return { class: "limited", retryAfter: Math.max(1, retryAfter(answer.headers, now) ?? 1) };
  // Slack's code for a temporary refusal: nothing was posted.
  if (answer.status === 500 && word === "rollup_error") return { class: "transient" };
  if (answer.status === 410 || (answer.status < 500 && word !== undefined && gone.includes(word))) return { class: "config", code: "gone" };
  return answer.status === 404 || (answer.status < 500 && word !== undefined && prohibited.includes(word)) ? { class: "config" } : {};
}
