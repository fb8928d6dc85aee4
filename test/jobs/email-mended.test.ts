import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { withBuiltIn } from "../../src/domain/mail/built-in";
import { putTemplate, createTemplates } from "../../src/domain/mail/store";
import { email } from "../../src/jobs/email/job";
import { runEmail } from "../../src/jobs/email/run";
import type { Mail, MailMessage } from "../../src/providers/mail/mail";
import { failed, type Failure, ok } from "../../src/queue/effect";
import { job } from "../../src/queue/job";
import { retryNow } from "../../src/queue/operate";
import { createEngineBench } from "../support/engine";
import { emptyLedger } from "../support/invariants";
import { fakeSuppressions } from "./fake-suppressions";
import { hurry } from "../support/time";

hurry();
beforeEach(emptyLedger);

/** A tenant's mail with its real templates; the provider answers what `answers` hold, one a call, then takes everything. */
function createPost(answers: Failure[] = []) {
  const sent: { key: string; text: string | undefined }[] = [];
  const send = async (message: MailMessage, { idempotencyKey }: { idempotencyKey: string }) => {
    sent.push({ key: idempotencyKey, text: message.text });
    const failure = answers.shift();
    return failure ? failed(failure) : ok({ id: "m-1" });
  };
  const mail: Mail = { idempotentFor: 86_400, send };
  const bench = createEngineBench({
    jobs: [job(email, runEmail)],
    capabilities: async () => ({ mail, suppressions: fakeSuppressions(), templates: withBuiltIn(createTemplates(env.DB)) }),
  });
  const put = (id: string, text: string) => putTemplate(env.DB, "one", id, { subject: "s", text }, bench.now());
  const post = (templateId: string, to: string | string[] = "ada@example.com") =>
    bench.acceptOne({ type: "email", payload: { to, templateId, variables: {} } });
  const again = async (id: string) => {
    bench.advance(1000);
    await retryNow(bench.engine, [{ tenant: "one", id }], { event: "retried" });
    await bench.deliverAll();
  };
  return { bench, sent, put, post, again };
}

test("a mended template is used by a retry", async () => {
  const { bench, sent, put, post, again } = createPost();
  await put("mended", "Dear {{ firstName }}");
  const id = await post("mended");
  await bench.deliverAll();
  expect(await bench.row(id)).toMatchObject({ state: "discarded", reason: 'text: line 1, column 9: the variable "firstName" is not given' });
  bench.advance(1000);
  await put("mended", 'Dear {{ firstName | default: "friend" }}');
  await again(id);
  expect(await bench.row(id)).toMatchObject({ state: "done" });
  expect(sent).toEqual([{ key: `${id}:send:1`, text: "Dear friend" }]);
});

test("a mended template is used for several recipients too, though who gets the mail was decided", async () => {
  const { bench, sent, put, post, again } = createPost([{ class: "permanent", reason: "422" }]);
  await put("several", "first");
  const id = await post("several", ["ada@example.com", "bob@example.com"]);
  await bench.deliverAll();
  expect(await bench.row(id)).toMatchObject({ state: "discarded" });
  bench.advance(1000);
  await put("several", "second");
  await again(id);
  expect(sent.map(({ key, text }) => [key, text])).toEqual([
    [`${id}:send:0`, "first"],
    [`${id}:send:1`, "second"],
  ]);
});

test("an automatic retry sends the same bytes under the same key, whatever became of the template", async () => {
  const { bench, sent, put, post } = createPost([{ class: "transient", reason: "503" }]);
  await put("automatic", "first");
  const id = await post("automatic");
  await bench.deliver(bench.held.slice());
  bench.advance(1000);
  await put("automatic", "second");
  await bench.deliverAll();
  expect(sent).toEqual(Array.from({ length: 2 }, () => ({ key: `${id}:send:0`, text: "first" })));
});

test("a mail that may have arrived keeps its template and its key", async () => {
  const { bench, sent, put, post, again } = createPost(Array.from({ length: 8 }, () => ({ class: "uncertain", reason: "no answer", retryAfter: 1 }) as const));
  await put("doubtful", "first");
  const id = await post("doubtful");
  await bench.deliverAll();
  expect(await bench.row(id)).toMatchObject({ state: "dead" });
  await put("doubtful", "second");
  await again(id);
  expect(new Set(sent.map((each) => JSON.stringify(each)))).toEqual(new Set([JSON.stringify({ key: `${id}:send:0`, text: "first" })]));
});
