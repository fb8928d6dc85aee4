import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { reportSilence, type SilenceAlert } from "../../../src/domain/leads/silence";
import { storeSubmission } from "../../../src/domain/leads/store";
import { submissionSchema, type LeadKind } from "../../../src/domain/leads/model";
import { parseKeyRing } from "../../../src/tenants/keys";
import { createProjectStore } from "../../../src/tenants/project";
import { createTenantStore } from "../../../src/tenants/tenant";
import { createVault } from "../../../src/tenants/vault";

const minute = 60_000;
const noon = Date.UTC(2026, 10, 21, 12);
const changed = async () => undefined;
const projects = createProjectStore(env.DB, createVault(parseKeyRing("ENCRYPTION_KEYS", env.ENCRYPTION_KEYS)), changed);
const sent: { project: string; alert: SilenceAlert; key: string }[] = [];
const look = (after: number, accepts: (project: string) => boolean = () => true) =>
  reportSilence(
    {
      db: env.DB,
      alert: async (silent) =>
        silent.map(({ watched: { project }, alert, key }) => {
          if (accepts(project)) sent.push({ project, alert, key });
          return accepts(project);
        }),
    },
    noon + after * minute,
  );
const comes = (kind: LeadKind, after: number) =>
  storeSubmission(env.DB, {
    tenant: "quiet",
    id: `${kind}-${after}`,
    at: noon + after * minute,
    submission: v.parse(submissionSchema, { project: "homes", kind, contact: { visitorId: `${kind}-${after}` } }),
    reengageHours: 24,
  });

beforeAll(async () => {
  await createTenantStore(env.DB, changed).put("quiet", { name: "Quiet" }, noon);
  await projects.put("quiet", "homes", { domains: [], silence: {} }, noon);
  await projects.put("quiet", "unwatched", { domains: [] }, noon);
});

describe("a project that watches for silence", () => {
  test("is reported once per cooldown, however often the tick comes", async () => {
    expect(await look(29)).toEqual({ watched: 1, alerts: 0, refused: 0 });
    await comes("lead", 20);
    expect(await look(45)).toEqual({ watched: 1, alerts: 0, refused: 0 });
    expect(await look(50)).toEqual({ watched: 1, alerts: 1, refused: 0 });
    expect(await look(50)).toEqual({ watched: 1, alerts: 0, refused: 0 });
    expect(await look(169)).toEqual({ watched: 1, alerts: 0, refused: 0 });
    expect(await look(170)).toEqual({ watched: 1, alerts: 1, refused: 0 });
    expect(sent.map(({ project, alert }) => [project, alert.minutes])).toEqual([
      ["homes", 30],
      ["homes", 150],
    ]);
    expect(new Set(sent.map(({ key }) => key)).size).toBe(2);
  });

  test("is not talked out of it by tests and robots", async () => {
    await comes("test", 300);
    await comes("bot", 300);
    expect(await look(301)).toMatchObject({ alerts: 1 });
    await comes("lead", 430);
    expect(await look(431)).toMatchObject({ alerts: 0 });
  });

  test("is tried again when the alert is not accepted, and delays no other project", async () => {
    await projects.put("quiet", "also", { domains: [], silence: {} }, noon);
    sent.length = 0;
    expect(await look(600, (project) => project !== "also")).toEqual({ watched: 2, alerts: 1, refused: 1 });
    expect(await look(601)).toEqual({ watched: 2, alerts: 1, refused: 0 });
    expect(await look(602)).toEqual({ watched: 2, alerts: 0, refused: 0 });
    expect(sent.map(({ project }) => project)).toEqual(["homes", "also"]);
  });

  test("is sent once by two ticks that run at the same time", async () => {
    sent.length = 0;
    const both = await Promise.all([look(900), look(900)]);
    expect(both.reduce((sum, { alerts }) => sum + alerts, 0)).toBe(2);
    expect(new Set(sent.map(({ key }) => key)).size).toBe(2);
  });

  test("is forgotten with the project", async () => {
    await projects.remove("quiet", "also");
    expect(await look(2000)).toMatchObject({ watched: 1 });
    await projects.put("quiet", "also", { domains: [], silence: {} }, noon + 2000 * minute);
    expect(await look(2001)).toMatchObject({ watched: 2, alerts: 0 });
  });
});
