import { env } from "cloudflare:workers";
import * as v from "valibot";
import { app } from "../../../src/app";
import { createFollowUps } from "../../../src/domain/events/capability";
import { lead } from "../../../src/jobs/lead/job";
import { createLedger } from "../../../src/ledger/ledger";
import { createPayloads } from "../../../src/ledger/payloads";

export const ledger = createLedger(env.DB, () => undefined);

export const payloads = createPayloads(env.PAYLOADS);

export const followUps = createFollowUps(env.DB, async () => undefined);

export const { leads, tenants, projects, enqueue } = app(env as never).intake;

export const secret = "ada@erase.example";

export const nothing = { leads: 0, submissions: 0, facts: 0, jobs: 0, payloads: 0, media: 0, altTexts: 0, mail: 0, running: 0, complete: true, cursor: null };

export const submissionOf = (email: string) => v.parse(lead.payload, { project: "homes", contact: { email, emailKey: email.toLowerCase(), name: "Ada" } });
