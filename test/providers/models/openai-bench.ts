import { leadResult } from "../../../src/domain/events/analysis";
import { createHttp } from "../../../src/providers/http";
import { createLearned, type Learned } from "../../../src/providers/models/learned";
import { createOpenai } from "../../../src/providers/models/openai";
import type { ModelSettings } from "../../../src/providers/models/settings";
import { type Answer, stubFetch } from "../fetch-stub";

export const verdict = { summary: "Wants a flat.", intent: "buy", urgency: "high", score: 80, nextStep: "Call." };

export const question = { instructions: "Judge.", input: '{"message":"Ada wants a flat"}', name: "lead_verdict", schema: leadResult };

export const completion = (content: unknown, finish = "stop", more = {}) =>
  Response.json({ model: "small-1", usage: { prompt_tokens: 12, completion_tokens: 5 }, choices: [{ finish_reason: finish, message: { content, ...more } }] });

export const refused = (status: number, error: object, headers: Record<string, string> = {}) => Response.json({ error }, { status, headers });

export const signal = new AbortController().signal;

const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });

export const common = { http, apiKey: "sk-0123456789abcdef", baseUrl: "https://llm.example.com/v1", model: "small", tenant: "t1", now: () => 0 };

export const adapter = (settings: ModelSettings = {}, learned: Learned = createLearned()) => createOpenai({ ...common, settings, learned });

export async function ask(...answers: Answer[]) {
  const seen = stubFetch(...answers);
  return { reply: await adapter().ask(question, signal), seen };
}
