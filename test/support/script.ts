import { again, discard, done, type Outcome, retry, wait } from "../../src/queue/outcome";

export const endings = ["done", "retry", "throw", "wait", "long-wait", "park", "again", "discard"] as const;
export type Ending = (typeof endings)[number];

export const maxAttempts = 3;

/** The outcome of a run that is to end so. */
export function ending(how: Ending, now: number): Outcome {
  switch (how) {
    case "done":
      return done();
    case "retry":
      return retry("scripted");
    case "throw":
      throw new Error("scripted throw");
    case "wait":
      return wait("scripted", { until: now + 30_000 });
    case "long-wait":
      return wait("scripted", { until: now + 7_200_000 });
    case "park":
      return wait("scripted", { until: now + 5000, gate: "door", park: true });
    case "again":
      return again({ on: true });
    case "discard":
      return discard("scripted");
  }
}

/** How a job ends by its script alone. */
export function endOf(script: readonly Ending[]): "done" | "dead" | "discarded" {
  let failures = 0;
  for (const each of script) {
    if (each === "done" || each === "discard") return each === "done" ? "done" : "discarded";
    if (each === "again") failures = 0;
    if ((each === "retry" || each === "throw") && ++failures >= maxAttempts) return "dead";
  }
  return "done";
}
