import { expect, test } from "vitest";
import { renderPaced } from "../../../src/domain/mail/render-paced";

const dear = { subject: "s", text: "{% for a in (1..200000) %}{% endfor %}x" };
const quick = { subject: "s", text: "Dear {{ name }}" };
const options = { variables: { name: "Ada" }, at: 0 };

/** How many pauses an act asks for. */
async function pausesOf(act: () => Promise<unknown>): Promise<number> {
  let pauses = 0;
  const { wait } = scheduler;
  scheduler.wait = (ms: number) => (pauses++, wait.call(scheduler, ms));
  await act().finally(() => (scheduler.wait = wait));
  return pauses;
}

const all = (mail: Parameters<typeof renderPaced>[0], count: number) => Promise.all(Array.from({ length: count }, () => renderPaced(mail, options)));

test("between dear mails of one batch the isolate may do other things, and each is rendered in the end", async () => {
  const rendered: boolean[] = [];
  const pauses = await pausesOf(async () => rendered.push(...(await all(dear, 3)).map(({ ok }) => ok)));
  expect(rendered).toEqual([true, true, true]);
  expect(pauses).toBeGreaterThanOrEqual(2);
});

test("quick mails ask for no pause", async () => {
  await renderPaced(quick, options);
  expect(await pausesOf(() => all(quick, 50))).toBe(0);
});
