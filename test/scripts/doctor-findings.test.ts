import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Deployer, deployedAccount, startDeployer } from "../fake-cloudflare/run.ts";

let deployer: Deployer;

beforeEach(async () => {
  deployer = await startDeployer();
});

afterEach(async () => {
  await deployer.close();
});

const ids = (report: { findings: { id: string; subject: string }[] }) => report.findings.map(({ id, subject }) => `${id} ${subject}`);

describe("the doctor finds what is not as it should be", () => {
  test("in queues, crons, secrets, bindings, migrations and wiring, each under its name", async () => {
    deployedAccount(deployer);
    const { account } = deployer.fake;
    const script = account.scripts.get("jobyard")!;
    expect(ids((await deployer.run("doctor")).report)).toEqual(["worker-outdated jobyard"]);
    account.queue("events")!.settings.delivery_paused = true;
    account.queue("email-bulk")!.settings.message_retention_period = 1_209_600;
    account.queue("deliveries")!.consumers[0]!.settings["batch_size"] = 99;
    account.queue("lead-submissions")!.consumers = [];
    account.queue("image-processing")!.queue_name = "somewhere-else";
    script.crons = ["5 5 * * *"];
    script.secrets.delete("ID_SECRET");
    script.bindings = [
      ...script.bindings.filter(({ name }) => !["GATE", "DB", "OWN_HOSTS"].includes(name)),
      { type: "d1", name: "DB", id: "00000000-0000-0000-0000-000000000000" },
    ];
    script.bindings.push({ type: "plain_text", name: "LOCAL", text: "yes" });
    script.deployments[0]!.created_on = new Date().toISOString();
    account.rules.clear();
    const { sqlite } = account.database("jobyard")!;
    sqlite.exec("DELETE FROM d1_migrations WHERE name = '0020_template-layouts.sql'; INSERT INTO d1_migrations (name) VALUES ('9999_later.sql')");
    const { code, report } = await deployer.run("doctor");
    expect(code).toBe(1);
    expect(ids(report).toSorted()).toEqual(
      [
        ...[
          "queue-paused events",
          "queue-setting email-bulk",
          "queue-setting deliveries",
          "consumer-missing lead-submissions",
          "queue-missing image-processing",
        ],
        ...[
          "consumer-extra somewhere-else",
          "cron-missing * * * * *",
          "cron-extra 5 5 * * *",
          "secret-missing ID_SECRET",
          "binding-missing GATE",
          "binding-nil-id DB",
        ],
        ...["host-missing OWN_HOSTS", "local-set LOCAL", "do-update-pending jobyard", "rule-missing jobyard-media", "worker-outdated jobyard"],
        ...["migration-pending 0020_template-layouts.sql", "migration-unknown 9999_later.sql"],
      ].toSorted(),
    );
  });

  test("mail without its events, and an event subscription that is off or lacks some", async () => {
    deployedAccount(deployer);
    const { account } = deployer.fake;
    account.scripts.get("jobyard")!.bindings.push({ type: "send_email", name: "EMAIL" });
    expect(ids((await deployer.run("doctor")).report)).toContain("subscription-missing mail-events");
    const source = { type: "email.sending", zone_id: "zone-1", domain: "mail.example.com" };
    const destination = { type: "queues.queue", queue_id: account.queue("mail-events")!.queue_id };
    account.subscriptions.push({ id: "s", name: "s", enabled: false, events: ["message.delivered"], source, destination });
    expect((await deployer.run("doctor")).report.findings.find(({ id }) => id === "subscription-missing")?.sentence).toContain("is off");
    const events = ["delivered", "deferred", "bounced", "failed", "rejected", "complained"].map((event) => `cf.email.sending.message.${event}`);
    Object.assign(account.subscriptions[0]!, { enabled: true, events });
    expect(ids((await deployer.run("doctor")).report)).toEqual(["worker-outdated jobyard"]);
  });

  test("nothing of the secrets in its shell", async () => {
    deployedAccount(deployer);
    expect((await deployer.run("doctor", { ROOT_TOKEN: "weak", LOCAL: "yes" })).report.error).toBeUndefined();
  });
});
