import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import { app } from "../../src/app";
import { paidPlanLimit } from "../../src/domain/installation/ledger-size";
import type { WorkerEnv } from "../../src/env";

const kv: Partial<KVNamespace> = { get: () => Promise.reject(new Error("KV is down")) };
const withoutKv = { ...env, CONFIG: kv } as WorkerEnv;

test("the size of the ledger and the report are answered while KV is away, and the log has why", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const { intake } = app(withoutKv);
  expect(await intake.platform.ledgerSize()).toEqual({ bytes: expect.any(Number), maxBytes: paidPlanLimit.bytes });
  expect(await intake.reports.findings(null)).toEqual(expect.any(Array));
  expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)))).toContainEqual(
    expect.objectContaining({ event: "trouble", where: "day-limit", reason: "KV is down" }),
  );
});
