import { resumeOf } from "../../domain/report/why";
import type { Pauses, Queue, Report } from "../answers";
import type { Visit } from "../page";

type Why = NonNullable<Queue["why"]>;

/** Adds the remedy for the root token: for a pause for all tenants the interface offers a tenant none. */
export function withLift({ isRoot }: Visit, why: Why, pauses: Pauses["pauses"]): Why {
  if (!isRoot || why.code !== "paused" || why.tenant !== "*" || why.actions.length > 0) return why;
  const held = pauses.find(({ scope, name, tenant }) => tenant === "*" && why.sentence.startsWith(`The ${scope} ${name} is paused `));
  return held ? { ...why, actions: [resumeOf(held)] } : why;
}

/** The remedies of a finding; for the root token on a tenant's page also that of a pause for all tenants. */
export function remediesOf({ isRoot }: Visit, { code, tenant, subject, actions }: Report["findings"][number]) {
  const [, scope, name] = /^(queue|type|tenant)\/(.+)$/.exec(subject) ?? [];
  if (!isRoot || code !== "paused" || tenant !== "*" || actions.length > 0 || !scope || !name) return actions;
  return [resumeOf({ scope: scope as Pauses["pauses"][number]["scope"], name })];
}
