import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Deployer, deployedAccount, startDeployer } from "../fake-cloudflare/run.ts";

let deployer: Deployer;

const servers: Server[] = [];

beforeEach(async () => {
  deployer = await startDeployer();
});

afterEach(async () => {
  await deployer.close();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

const usual = () => `deploy --host jobs.example.com --secrets-file ${deployer.secretsFile}`;

describe("stored payloads", () => {
  const running = async (answers: Record<string, unknown>, seen: string[] = []) => {
    const server = createServer((request, response) => {
      seen.push(`${request.url} ${request.headers.authorization}`);
      const answer = answers[request.url ?? ""];
      response.writeHead(answer === undefined ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(answer ?? {}));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `--url http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  };
  const good = { version: 1, state: "queued", payload: { to: "ada@example.com", templateId: "welcome" } };
  const bad = { version: 1, state: "waiting", payload: { to: "very-personal", templateId: "welcome", secretField: 1 } };
  const sample = (type: string, samples: unknown[]) => ({ [`/v1/types/${type}/sample`]: { type, version: 1, samples } });

  test("that would not fit stop a deploy; the report has counts and paths and nothing of what they hold", async () => {
    deployedAccount(deployer);
    const seen: string[] = [];
    const url = await running(
      {
        "/v1/types": { types: [{ type: "email" }, { type: "gone" }] },
        ...sample("email", [good, good, bad, { ...bad, version: 7 }]),
        ...sample("gone", [{ ...good, state: "dead" }]),
      },
      seen,
    );
    const { code, report, text, writes } = await deployer.run(`${usual()} ${url}`);
    expect([code, writes]).toEqual([1, []]);
    expect(report.findings.map(({ id, severity, sentence }) => `${id} ${severity} ${sentence}`)).toEqual([
      expect.stringMatching(/^payload-breaks error email version 1: 1 of 3 open payloads would not fit: .*payload\.to/),
      expect.stringMatching(/^payload-breaks error email version 7: 1 of 1 open payloads would not fit: version 7 cannot be read/),
    ]);
    expect(text).not.toContain("very-personal");
    expect(text).not.toContain(deployer.secrets.ROOT_TOKEN);
    expect(seen).toContain(`/v1/types/email/sample Bearer ${deployer.secrets.ROOT_TOKEN}`);
    expect(report.notes.join("\n")).toContain("--accept-broken-payloads");
    const plan = await deployer.run(`${usual()} ${url} --plan`);
    expect(plan.report.findings.filter(({ id }) => id === "payload-breaks").map(({ severity, subject }) => `${severity} ${subject}`)).toEqual([
      "error email",
      "error email",
      "warning gone",
    ]);
  });

  test("that all fit are counted; a Worker that cannot be asked stops nothing", async () => {
    deployedAccount(deployer);
    const fine = await deployer.run(`${usual()} --plan ${await running({ "/v1/types": { types: [] }, ...sample("email", [good]) })}`);
    expect(fine.report.notes).toEqual(["Payloads: 1 stored ones of 1 types tried against the new contracts: all fit."]);
    const silent = await deployer.run(`${usual()} --plan --url http://127.0.0.1:9`);
    expect(silent.report.notes).toEqual([expect.stringContaining("Stored payloads were not checked: http://127.0.0.1:9 does not answer")]);
    const earlier = await deployer.run(`${usual()} --plan ${await running({ "/v1/types": { types: [{ type: "email" }] } })}`);
    expect(earlier.report.notes).toEqual(["Stored payloads were not checked: the version that runs does not hand out samples."]);
    const unasked = await deployer.run("deploy --plan");
    expect(unasked.report.notes).toEqual(["Stored payloads were not checked: give ROOT_TOKEN in the environment or in --secrets-file."]);
  });
});
