import { expect, test, vi } from "vitest";
import { renderPaced } from "../../../src/domain/mail/render-paced";

const dear = { subject: "s", text: "{% for a in (1..200000) %}{% endfor %}x" };
const quick = { subject: "s", text: "Dear {{ name }}" };
const options = { variables: { name: "Ada" }, at: 0 };

/** An hour ago: what these mails ask for keeps no mail of another file waiting. */
let now = Date.now() - 3_600_000;

/** How many pauses an act asks for. Time passes in pauses alone: how busy the machine is does not matter. */
async function pausesOf(act: () => Promise<unknown>): Promise<number> {
  let pauses = 0;
  const clock = vi.spyOn(Date, "now").mockImplementation(() => now);
  const { wait } = scheduler;
  scheduler.wait = async (ms: number) => {
    pauses++;
    now += ms;
  };
  await act().finally(() => {
    clock.mockRestore();
    scheduler.wait = wait;
  });
  return pauses;
}

const all = (mail: Parameters<typeof renderPaced>[0], count: number) => Promise.all(Array.from({ length: count }, () => renderPaced(mail, options)));

test("between dear mails of one batch the isolate may do other things, and each is rendered in the end", async () => {
  const rendered: boolean[] = [];
  // From here on the pauses are by this clock.
  await pausesOf(() => renderPaced(dear, options));
  const pauses = await pausesOf(async () => rendered.push(...(await all(dear, 3)).map(({ ok }) => ok)));
  expect(rendered).toEqual([true, true, true]);
  expect(pauses).toBeGreaterThanOrEqual(3);
});

test("quick mails ask for no pause", async () => {
  // After the pauses that mails before it ask for.
  await pausesOf(() => renderPaced(quick, options));
  expect(await pausesOf(() => all(quick, 50))).toBe(0);
});
