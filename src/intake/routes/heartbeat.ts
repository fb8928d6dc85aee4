import { iso } from "../../time/iso";
import { isoTime } from "../../bounded";
import * as v from "valibot";
import { checkAddress } from "../../address/address";
import { heartbeatSchema, heartbeatStep } from "../../domain/installation/model";
import { Problem } from "../../errors";
import { createTicks } from "../../ledger/ticks";
import { audit } from "../audit";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { route } from "../route";
import { minuteMs } from "../../time/day";

export const heartbeatShape = v.object({
  host: v.pipe(v.string(), v.description("Host of the address; the rest is never returned")),
  updated: isoTime,
  last: v.pipe(
    v.nullable(v.object({ ok: v.boolean(), at: isoTime, reason: v.nullable(v.string()) })),
    v.description("The newest call; null before the first. After a tick with a failing step there is none"),
  ),
});

export const heartbeatRoutes = [
  route("PUT /v1/heartbeat", {
    name: "putHeartbeat",
    summary: "Set the address that each tick without a failing step calls, so that another system notices when this installation is down",
    description:
      "An https address, by the rules of all outgoing calls. A call has 5 seconds; one that fails never fails the tick and shows in `GET /v1/report`. See docs/operating.md#alerts.",
    scope: "root",
    tenant: "none",
    body: { schema: heartbeatSchema, limit: smallBody, outgoing: true },
    answers: { 200: heartbeatShape },
    handle: async ({ deps, caller, body }) => {
      const checked = checkAddress(body.url, deps.rules);
      if (!checked.ok) throw new Problem("invalid", `The address ${checked.reason}.`, { errors: [{ path: "url", message: checked.reason }] });
      await audit({ deps, tenant: null, caller }, "set", `heartbeat ${checked.url.host}`);
      await deps.installation.put("heartbeat", body, deps.now());
      await forgetCall(deps);
      return { status: 200, body: await heartbeatBody(deps) };
    },
  }),
  route("GET /v1/heartbeat", {
    name: "getHeartbeat",
    summary: "The host of the heartbeat address, and how the newest call went",
    scope: "root",
    tenant: "none",
    answers: { 200: heartbeatShape },
    handle: async ({ deps }) => ({ status: 200, body: await heartbeatBody(deps) }),
  }),
  route("DELETE /v1/heartbeat", {
    name: "deleteHeartbeat",
    summary: "Remove the heartbeat address",
    scope: "root",
    tenant: "none",
    answers: { 204: null },
    handle: async ({ deps, caller }) => {
      await audit({ deps, tenant: null, caller }, "remove", "heartbeat");
      const wasSet = await deps.installation.remove("heartbeat");
      await forgetCall(deps);
      if (!wasSet) throw unset();
      return { status: 204 };
    },
  }),
];

async function heartbeatBody(deps: Pick<IntakeDeps, "installation" | "platform">) {
  const heartbeat = await deps.installation.read("heartbeat");
  if (!heartbeat) throw unset();
  const last = (await deps.platform.tickSteps()).find(({ step, at }) => step === heartbeatStep && at >= heartbeat.updated - minuteMs);
  return {
    host: new URL(heartbeat.value.url).host,
    updated: iso(heartbeat.updated),
    last: last ? { ok: last.outcome === "done", at: iso(last.at), reason: last.outcome === "done" ? null : (last.detail ?? null) } : null,
  };
}

/** Deletes the result of the last call once its address is removed or replaced: the report would warn of it for minutes. */
function forgetCall({ db }: Pick<IntakeDeps, "db">): Promise<void> {
  return createTicks(db).forget(heartbeatStep);
}

function unset(): Problem {
  return new Problem("not-found", "No heartbeat address is set.");
}
