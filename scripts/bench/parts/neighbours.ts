// npm run bench, part neighbours: one tenant has many slow mails, another posts one a second later.
import { setTimeout as passing } from "node:timers/promises";
import type { Mail } from "../../sandbox/mailbox.ts";
import type { Sandbox } from "../../sandbox/server.ts";
import { atMost, type Section } from "../report.ts";
import type { Run } from "../run.ts";
import { makeTenant, type Tenant } from "../tenant.ts";
import type { Started } from "../worker.ts";

const none = { text: "0", holds: (n: number) => n === 0 };

/** Jobs that one call takes. */
const maxCall = 10_000;

export async function neighbours({ bench, quick, say }: Run): Promise<Section> {
  const [mails, delayMs] = quick ? [120, 1000] : [300, 4000];
  const [many, manyDelayMs] = quick ? [2000, 100] : [50_000, 100];
  const worker = await bench.worker({ name: "neighbours" });
  const arrived = new Map<string, number>();
  const onMail = ({ to }: Mail) => to.forEach((address) => arrived.set(address, (arrived.get(address) ?? 0) + 1));
  const [slow, fast] = [await bench.sandbox({ onMail }), await bench.sandbox()];
  const [alone, a, b] = [await mailer(worker, "alone", slow), await mailer(worker, "slow-one", slow), await mailer(worker, "quick-one", fast)];
  await makeSlow(slow, delayMs);
  const aloneMs = await sendAll(alone, slow, mails);
  say(`neighbours: ${mails} mails alone took ${Math.round(aloneMs / 1000)} s`);
  const together = sendAll(a, slow, mails);
  await passing(1000);
  const waitedMs = await sendAll(b, fast, 1);
  say(`neighbours: the other tenant's mail took ${(waitedMs / 1000).toFixed(1)} s`);
  const togetherMs = await together;
  const crowd = await mailer(worker, "many-one", slow);
  await makeSlow(slow, manyDelayMs);
  const posting = post(crowd, many);
  await passing(1000);
  const besideManyMs = await sendAll(b, fast, 1);
  say(`neighbours: beside ${many} quick mails it took ${(besideManyMs / 1000).toFixed(1)} s`);
  await posting;
  const { lost, doubled } = await untilArrived(crowd, slow, many, arrived, say);
  return {
    key: "neighbours",
    title: "Neighbours",
    how: `Tenant A has ${mails} mails to a provider that takes ${delayMs / 1000} s for each; one second later tenant B posts one mail to a provider that answers at once. Before that, as many mails of a tenant that is alone. Then the same beside a tenant that posts ${many.toLocaleString("en-US")} mails of ${manyDelayMs} ms each; each of these must arrive once.`,
    figures: [
      { what: "B's mail, from its call to the provider", unit: "s", rounds: [waitedMs / 1000], goal: atMost(6, "≤ 6 s") },
      { what: `B's mail beside ${many.toLocaleString("en-US")} quick ones`, unit: "s", rounds: [besideManyMs / 1000], goal: atMost(6, "≤ 6 s") },
      { what: `of ${many.toLocaleString("en-US")} quick mails lost`, unit: "", rounds: [lost], goal: none },
      { what: "of these sent twice", unit: "", rounds: [doubled], goal: none },
      { what: "the mails of a tenant that is alone", unit: "s", rounds: [aloneMs / 1000] },
      { what: "A's mails", unit: "s", rounds: [togetherMs / 1000] },
      { what: "A's mails over those alone", unit: "×", rounds: [togetherMs / aloneMs], goal: atMost(1.1, "no longer (≤ 1.1)") },
    ],
  };
}

async function mailer(worker: Started, name: string, { url }: Sandbox): Promise<Tenant> {
  const tenant = await makeTenant(worker, name);
  await tenant.ask("PUT", "/v1/connections/mail", { provider: "resend", baseUrl: `${url}/mail`, apiKey: "re_sandbox", from: "Bench <bench@bench.example>" });
  return tenant;
}

async function makeSlow({ url }: Sandbox, delayMs: number): Promise<void> {
  const answer = await fetch(`${url}/__faults`, { method: "POST", body: JSON.stringify({ provider: "mail", delayMs }) });
  if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}: ${await answer.text()}`);
}

/** What became of the crowd's mails when none has arrived for a minute, or all have: its provider answers at once from now on. */
async function untilArrived({ name }: Tenant, { url }: Sandbox, count: number, arrived: ReadonlyMap<string, number>, say: Run["say"]) {
  await fetch(`${url}/__faults`, { method: "DELETE" });
  const own = () => [...arrived].filter(([address]) => address.endsWith(`@${name}.example`));
  const begun = performance.now();
  for (let [most, since] = [0, begun]; most < count && performance.now() - since < 60_000; await passing(500)) {
    const now = own().length;
    if (now > most) [most, since] = [now, performance.now()];
  }
  const all = own();
  say(`neighbours: ${all.length} of ${count} quick mails have arrived ${Math.round((performance.now() - begun) / 1000)} s later`);
  return { lost: count - all.length, doubled: all.filter(([, times]) => times > 1).length };
}

/** Milliseconds until the provider has all of them. */
async function sendAll(tenant: Tenant, { url }: Sandbox, count: number): Promise<number> {
  const begun = performance.now();
  const to = `@${tenant.name}.example`;
  const before = await mailsTo(url, to);
  await post(tenant, count);
  while ((await mailsTo(url, to)) < before + count) {
    if (performance.now() - begun > 900_000) throw new Error(`after 15 minutes not all mails to ${to} have arrived`);
    await passing(50);
  }
  return performance.now() - begun;
}

async function post(tenant: Tenant, count: number): Promise<void> {
  for (let from = 0; from < count; from += maxCall) {
    const jobs = Array.from({ length: Math.min(maxCall, count - from) }, (_, n) => {
      return { type: "email", payload: { to: `${from + n}@${tenant.name}.example`, subject: "Benchmark", text: "Nothing to read." } };
    });
    await tenant.ask("POST", "/v1/jobs/batch", { jobs });
  }
}

async function mailsTo(url: string, to: string): Promise<number> {
  const { mails } = (await (await fetch(`${url}/__mailbox?to=${encodeURIComponent(to)}&limit=10000`)).json()) as { mails: unknown[] };
  return mails.length;
}
