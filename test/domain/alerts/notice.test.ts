import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Alert, cooldownMs, type AlertFailure, nextAlert, type Notice, quietAfter, remindAfterMs } from "../../../src/domain/alerts/model";
import { alertMessage } from "../../../src/domain/alerts/text";
import { minute, noon, useEmptyAlerts } from "./watch-bench";

useEmptyAlerts();

describe("an alert", () => {
  const failure = (at: number): AlertFailure => ({ tenant: "one", cause: "dead-letters/g", subject: "email", reason: "500", count: 1, lastAt: at });

  test("is sent when it opens, at most once in its cooldown, again after a day or at its tenth job, and its recovery only if it was sent", () => {
    const events = fc.array(fc.record({ minutes: fc.constantFrom(1, 5, 30, 59, 61, 300, 1500), fails: fc.boolean(), taken: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(events, (steps) => {
        let [alert, now]: [Alert | undefined, number] = [undefined, noon];
        const notices: { kind: Notice["kind"]; at: number; count: number }[] = [];
        for (const { minutes, fails, taken } of steps) {
          now += minutes * minute;
          const verdict = nextAlert(alert, fails ? failure(now) : undefined, now);
          if (!verdict) continue;
          const isAnnounced = verdict.notice !== null && taken;
          if (isAnnounced && verdict.notice) notices.push({ kind: verdict.notice, at: now, count: verdict.alert.count });
          alert = isAnnounced ? { ...verdict.alert, toldAt: now, via: ["slack"] } : verdict.alert;
          if (alert.state === "open") expect(now - alert.lastAt).toBeLessThan(quietAfter(alert.cause));
        }
        for (const [index, { kind, at, count }] of notices.entries()) {
          const before = notices[index - 1];
          if (kind === "recovered") expect(["began", "continues"]).toContain(before?.kind);
          if (kind === "began" && before) expect(at - before.at).toBeGreaterThanOrEqual(cooldownMs);
          if (kind === "continues" && before && count !== 10) expect(at - before.at).toBeGreaterThanOrEqual(remindAfterMs);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("says in a sentence what failed, how often and where to look, and nothing that looks personal", () => {
    const alert = {
      ...nextAlert(undefined, failure(noon), noon)?.alert,
      reason: "<b>ada@example.com</b> was refused (Advanced Parameters > Webservice), call +49 30 1234567",
      count: 12,
    } as Alert;
    const { subject, text } = alertMessage([{ kind: "began", alert }], undefined);
    expect(text).toBe("12 jobs of type email failed for good:  b [e-mail] /b  was refused (Advanced Parameters › Webservice), call [number] (group g)");
    expect(subject).toBe(`Jobyard: ${text}`.slice(0, 129));
    const many = alertMessage(
      Array.from({ length: 30 }, () => ({ kind: "recovered" as const, alert })),
      undefined,
    );
    expect(many.subject).toBe("Jobyard: 30 alerts");
    expect(many.text.split("\n")).toHaveLength(11);
    expect(many.text).toContain("and 20 more: GET /v1/alerts");
  });
});
