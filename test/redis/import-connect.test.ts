import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { selfSigned } from "../way/support/certificate.ts";
import { freePort } from "../way/support/ports.ts";
import { until } from "../way/support/until.ts";
import { failureOf, openBench } from "./support/bench.ts";
import { mail } from "./support/importer.ts";
import { libraries } from "./support/libraries.ts";
import { startRedis } from "./support/redis.ts";

const bench = await openBench();

describe("the importer as a process", () => {
  test("prints the report to the standard output alone, and ends in order when it is interrupted", async () => {
    const queue = libraries[1]!.open(bench.redis.port, "mail");
    await queue.add(mail(1));
    const child = bench.spawn("follow");
    let output = "";
    child.stdout!.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await until("the job is taken", async () => bench.product.jobs.size === 1);
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(output).toMatch(/^# Import from Bull: follow\n[^]*Accepted by the product: 1\./);
    await queue.close();
  });

  test("says in one sentence what is wrong, without credentials", async () => {
    const child = bench.spawn("take", "--url", "redis://user:hunter2@127.0.0.1:1/3");
    let errors = "";
    child.stderr!.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    expect(await once(child, "exit")).toEqual([4, null]);
    expect(errors).toMatch(/^Redis at 127\.0\.0\.1:1\/3 cannot be used: .*ECONNREFUSED.*\n$/);
    expect(errors).not.toContain("hunter2");
  });
});

describe("Redis", () => {
  test("with a password, another database and another prefix", async () => {
    const secured = await startRedis({ requirepass: "s3cret/#" }, "s3cret/#");
    const { Queue } = await import("bullmq5");
    const queue = new Queue("mail", { connection: { port: secured.port, host: "127.0.0.1", password: "s3cret/#", db: 3 }, prefix: "shop:jobs" });
    const { id } = await queue.add("welcome", mail(1));
    const url = (password: string) => `redis://:${encodeURIComponent(password)}@127.0.0.1:${secured.port}/3`;
    expect((await failureOf(bench.run("take", ["--url", url("wrong"), "--prefix", "shop:jobs"])))?.message).toMatch(/WRONGPASS/);
    expect((await bench.run("take", ["--url", url("s3cret/#"), "--prefix", "shop:jobs"])).code).toBe(0);
    expect([...bench.product.jobs.values()].map(({ key }) => key)).toEqual([expect.stringMatching(`^bull:shop:jobs:mail:${id}:\\d+$`)]);
    await queue.close();
    await secured.close();
  });

  test("over TLS, with a certificate that the process trusts", async () => {
    const dir = mkdtempSync(join(tmpdir(), "jobyard-tls-"));
    const [key, certificate] = [join(dir, "key.pem"), join(dir, "certificate.pem")];
    const made = selfSigned("localhost");
    writeFileSync(key, made.key);
    writeFileSync(certificate, made.cert);
    const plain = await startRedis({ "tls-port": "0" });
    const port = await freePort();
    await plain.client.config("SET", "tls-cert-file", certificate, "tls-key-file", key, "tls-auth-clients", "no", "tls-port", String(port));
    const queue = libraries[1]!.open(plain.port, "mail");
    await queue.add(mail(1));
    const untrusted = await failureOf(bench.run("take", ["--url", `rediss://localhost:${port}`]));
    expect(untrusted?.message).toContain("self-signed certificate");
    process.env["NODE_EXTRA_CA_CERTS"] = certificate;
    const child = bench.spawn("take", "--url", `rediss://localhost:${port}`);
    delete process.env["NODE_EXTRA_CA_CERTS"];
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(bench.product.jobs.size).toBe(1);
    await queue.close();
    await plain.close();
    rmSync(dir, { recursive: true });
  });

  test("in cluster mode: a queue with a hash tag is taken and put back, one without is refused", async () => {
    const cluster = await startRedis({ "cluster-enabled": "yes", "cluster-announce-ip": "127.0.0.1" });
    await cluster.client.cluster("ADDSLOTSRANGE", 0, 16383);
    await until("the cluster is up", async () => (await cluster.client.cluster("INFO")).includes("cluster_state:ok"));
    const queue = libraries[1]!.open(cluster.port, "mail", "{bull}");
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push(await queue.add(mail(n)));
    const args = ["--url", cluster.url, "--prefix", "{bull}"];
    expect((await bench.run("plan", args)).code).toBe(0);
    expect((await bench.run("take", args)).code).toBe(0);
    expect(bench.product.ids().toSorted()).toEqual(ids);
    expect((await bench.run("rollback", args)).report).toContain("Put back: 5.");
    expect(await cluster.client.lrange("{bull}:mail:wait", 0, -1)).toEqual(ids.toReversed());
    await cluster.client.set("bull:mail:id", "1");
    expect((await failureOf(bench.run("take", ["--url", cluster.url])))?.message).toContain("no hash tag");
    await queue.close();
    await cluster.close();
  });

  test("that closes connections in the middle loses and doubles nothing", async () => {
    const queue = libraries[1]!.open(bench.redis.port, "mail");
    const ids = [];
    for (let n = 0; n < 500; n++) ids.push(await queue.add(mail(n)));
    bench.product.fault = ({ path }) => {
      if (path === "/v1/jobs/batch") void bench.redis.client.client("KILL", "TYPE", "normal", "SKIPME", "yes");
      return undefined;
    };
    expect((await bench.run("take")).code).toBe(0);
    expect(bench.product.jobs.size).toBe(500);
    expect(bench.product.ids().toSorted()).toEqual(ids.toSorted());
    await queue.close();
  });

  test("written by an older BullMQ is refused", async () => {
    await bench.redis.client.hset("bull:mail:meta", "version", "bullmq:3.15.8");
    expect((await failureOf(bench.run("take")))?.message).toContain("written by bullmq:3.15.8");
  });
});
