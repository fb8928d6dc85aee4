import { redact } from "../masking/redact";
import type { EngineEvent } from "../queue/engine";

/** The one subscriber that turns events into log lines: one JSON object each, with fixed names. Events hold nothing personal. */
export function log(said: EngineEvent): void {
  // Reasons come from anywhere: what looks personal or secret is taken out once more, whoever made the event.
  const event = "reason" in said && said.reason !== null ? { ...said, reason: redact(said.reason) } : said;
  if (event.event === "trouble") console.error(JSON.stringify({ level: "error", ...event }));
  else if (event.event === "settled" && event.state !== "done") console.warn(JSON.stringify({ level: "warn", ...event }));
  else if (event.event === "batch") console.log(JSON.stringify({ level: "info", ...event }));
}
