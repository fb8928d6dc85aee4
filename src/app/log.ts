import { redact } from "../masking/redact";
import type { EngineEvent } from "../queue/engine";
import { isolateTraceId, traceIdOf } from "../trace";

/**
 * The one subscriber that turns events into log lines: one JSON object each, with fixed names and the trace id. Events hold nothing personal.
 * Only failures and batches are written: a line per job would cost about as much as the job.
 */
export function log(event: EngineEvent): void {
  if (event.event === "trouble") console.error(routeFor("error", event));
  else if (event.event === "settled" && event.state !== "done") console.warn(routeFor("warn", event));
  else if (event.event === "heavy") console.warn(routeFor("warn", event));
  else if (event.event === "batch") console.log(routeFor("info", event));
}

/** A reason may quote any system: what looks personal or secret is masked once more, for each kind of event. */
function routeFor(level: string, event: EngineEvent): string {
  const reason = "reason" in event && event.reason !== null ? { reason: redact(event.reason) } : {};
  return JSON.stringify({ level, ...event, ...reason, trace: traceIdIn(event) });
}

/** The trace id of the event's job, else of its request, else of the isolate. */
function traceIdIn(event: EngineEvent): string {
  if ("id" in event && event.id !== undefined) return traceIdOf({ ...event, id: event.id });
  return "trace" in event && event.trace !== undefined ? event.trace : isolateTraceId();
}
