import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { withBuiltIn } from "../../src/domain/mail/built-in";
import { putTemplate } from "../../src/domain/mail/store";
import { createTemplates } from "../../src/domain/mail/queries";
import { email } from "../../src/jobs/email/job";
import type { Mail, MailMessage } from "../../src/providers/mail/mail";
import { failed, type Failure, ok } from "../../src/queue/effect";
import { retryNow } from "../../src/queue/operate";
import { emptyLedger } from "../support/invariants";
import { createJobBench, type WorkedJob } from "../support/job-bench";
import { hurry } from "../support/time";
import { fakeSuppressions } from "./fake-suppressions";

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
  const capabilities = { mail, suppressions: fakeSuppressions(), templates: withBuiltIn(createTemplates(env.DB)) };
  const { bench, accept } = createJobBench({ tenant: "one", capabilities: () => capabilities });
  const put = (id: string, text: string) => putTemplate(env.DB, "one", id, { subject: "s", text }, bench.now());
  const post = (templateId: string, to: string | string[] = "ada@example.com") => accept(email, { to, templateId, variables: {} });
  const again = async (job: WorkedJob) => {
    bench.advance(1000);
    await retryNow(bench.engine, [{ tenant: "one", id: job.id }], { event: "retried" });
    return job.untilEnded();
  };
  return { bench, sent, put, post, again };
}

test("a corrected template is used by a retry", async () => {
  const { bench, sent, put, post, again } = createPost();
  await put("mended", "Dear {{ firstName }}");
  const job = await (await post("mended")).untilEnded();
  expect(job).toBeDiscarded('text: line 1, column 9: the variable "firstName" is not given');
  bench.advance(1000);
  await put("mended", 'Dear {{ firstName | default: "friend" }}');
  expect(await again(job)).toBeDone();
  expect(sent).toEqual([{ key: `${job.id}:send:1`, text: "Dear friend" }]);
});

test("a corrected template is used for several recipients too, whose addresses were fixed before", async () => {
  const { bench, sent, put, post, again } = createPost([{ class: "permanent", reason: "422" }]);
  await put("several", "first");
  const job = await (await post("several", ["ada@example.com", "bob@example.com"])).untilEnded();
  expect(job).toBeDiscarded("422");
  bench.advance(1000);
  await put("several", "second");
  await again(job);
  expect(sent.map(({ key, text }) => [key, text])).toEqual([
    [`${job.id}:send:0`, "first"],
    [`${job.id}:send:1`, "second"],
  ]);
});

test("an automatic retry sends the same bytes under the same key, whatever became of the template", async () => {
  const { bench, sent, put, post } = createPost([{ class: "transient", reason: "503" }]);
  await put("automatic", "first");
  const job = await (await post("automatic")).untilIdle();
  expect(job).toBeRetried("503");
  bench.advance(1000);
  await put("automatic", "second");
  expect(await job.untilEnded()).toBeDone();
  expect(sent).toEqual(Array.from({ length: 2 }, () => ({ key: `${job.id}:send:0`, text: "first" })));
});

test("a mail that may have arrived keeps its template and its key", async () => {
  const { sent, put, post, again } = createPost(Array.from({ length: 8 }, () => ({ class: "uncertain", reason: "no answer", retryAfter: 1 }) as const));
  await put("doubtful", "first");
  const job = await (await post("doubtful")).untilEnded();
  expect(job).toHaveDied();
  await put("doubtful", "second");
  await again(job);
  expect(new Set(sent.map((each) => JSON.stringify(each)))).toEqual(new Set([JSON.stringify({ key: `${job.id}:send:0`, text: "first" })]));
});
