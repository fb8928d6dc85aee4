import { iso } from "../time/iso";
import * as v from "valibot";
import type { PauseView } from "../ledger/pauses";
import { isoTime, outputList } from "../bounded";

const pauseScope = v.picklist(["queue", "type", "tenant"]);

export const pauseShape = v.object({
  scope: pauseScope,
  name: v.string(),
  tenant: v.pipe(v.string(), v.description("`*`: for all tenants")),
  since: isoTime,
  actor: v.pipe(v.nullable(v.string()), v.description("`root`, or the id of a token")),
  actorName: v.pipe(v.nullable(v.string()), v.description("Name of that token")),
  reason: v.nullable(v.string()),
});

export const pausedShape = v.object({
  scope: pauseScope,
  name: v.string(),
  tenant: v.string(),
  paused: v.pipe(v.boolean(), v.description("Whether it is held for this tenant now, by its own pause or by one for all tenants")),
  pauses: v.pipe(outputList(pauseShape), v.description("The remaining pauses: after the root token has resumed for all tenants, those of single tenants")),
});

export function pauseView({ scope, name, tenant, since, actor, actorName = null, reason }: PauseView) {
  return { scope, name, tenant, since: iso(since), actor, actorName, reason };
}
