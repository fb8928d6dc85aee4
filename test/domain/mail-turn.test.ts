import { expect, test } from "vitest";
import { renderInTurn } from "../../src/domain/mail/turn";

const dear = { subject: "s", text: "{% for a in (1..200000) %}{% endfor %}x" };
const quick = { subject: "s", text: "Dear {{ name }}" };
const options = { variables: { name: "Ada" }, at: 0 };

test("between dear mails of one batch the isolate does other things, and each is rendered in the end", async () => {
  const order: string[] = [];
  const mails = [1, 2, 3].map(async (n) => {
    const rendered = await renderInTurn(dear, options);
    order.push(`mail ${n} ${rendered.ok}`);
  });
  const others = (async () => {
    for (let n = 0; n < 400 && order.filter((each) => each.startsWith("mail")).length < 3; n++) {
      await scheduler.wait(1);
      if (order.at(-1) !== "other") order.push("other");
    }
  })();
  await Promise.all([...mails, others]);
  expect(order.filter((each) => each !== "other").toSorted()).toEqual(["mail 1 true", "mail 2 true", "mail 3 true"]);
  expect(order.join(" ")).not.toMatch(/true mail/);
});

test("quick mails ask for no pause", async () => {
  await renderInTurn(quick, options);
  const timers: number[] = [];
  const { wait } = scheduler;
  scheduler.wait = (ms: number) => (timers.push(ms), wait.call(scheduler, ms));
  await Promise.all(Array.from({ length: 50 }, () => renderInTurn(quick, options)));
  scheduler.wait = wait;
  expect(timers.length).toBe(0);
});
