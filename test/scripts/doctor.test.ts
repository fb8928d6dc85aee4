import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Deployer, deployedAccount, startDeployer } from "../fake-cloudflare/run.ts";

let deployer: Deployer;

beforeEach(async () => {
  deployer = await startDeployer();
});
afterEach(() => deployer.close());

const ids = (report: { findings: { id: string; subject: string }[] }) => report.findings.map(({ id, subject }) => `${id} ${subject}`);

describe("the doctor finds", () => {
  test("in settings that were changed in the dashboard, and bindings that were made there", async () => {
    deployedAccount(deployer);
    const { account } = deployer.fake;
    const script = account.scripts.get("jobyard")!;
    script.settings = {
      compatibility_date: "2026-01-01",
      compatibility_flags: ["enable_request_signal"],
      limits: { cpu_ms: 300_000 },
      observability: { enabled: false },
    };
    script.bindings.push(
      { type: "kv_namespace", name: "SCRATCH", namespace_id: "x" },
      { type: "plain_text", name: "PUBLIC_URL", text: "https://jobs.example.com" },
    );
    account.queue("events")!.settings.delivery_delay = 60;
    account.queue("deliveries")!.consumers[0]!.settings["max_concurrency"] = 2;
    const { code, report } = await deployer.run("doctor");
    expect(code).toBe(1);
    const expected = ["compatibility_date", "compatibility_flags", "observability.enabled", "observability.logs"].map((field) => `worker-setting ${field}`);
    expect(ids(report)).toEqual(expect.arrayContaining([...expected.slice(0, 3), "binding-extra SCRATCH", "queue-setting events", "queue-setting deliveries"]));
    expect(ids(report)).not.toContain("binding-extra PUBLIC_URL");
    expect(report.findings.find(({ subject }) => subject === "deliveries")?.severity).toBe("note");
  });

  test("in what waits in the queues: a message that is too old, and nothing of one whose age is unknown", async () => {
    deployedAccount(deployer);
    const { account } = deployer.fake;
    const minutesAgo = (count: number) => Date.now() - count * 60_000;
    account.queue("events")!.backlog = { backlog_count: 12_000, backlog_bytes: 1, oldest_message_timestamp_ms: minutesAgo(45) };
    account.queue("deliveries")!.backlog = { backlog_count: 5, backlog_bytes: 1, oldest_message_timestamp_ms: minutesAgo(10) };
    account.queue("email-bulk")!.backlog = { backlog_count: 7, backlog_bytes: 1, oldest_message_timestamp_ms: 0 };
    const { report } = await deployer.run("doctor");
    expect(ids(report)).toEqual(["worker-outdated jobyard", "queue-backlog events"]);
    expect(report.findings.at(-1)?.sentence).toMatch(/^12,000 messages wait in "events", the oldest for 45 minutes/);
    expect(report.notes.join()).toContain("Waiting: 12,012 messages in");
  });
});
