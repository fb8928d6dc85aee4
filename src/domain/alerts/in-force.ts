import type { Snapshot } from "../../tenants/snapshot";
import type { AlertRule } from "./rule";

/** Connections without which a rule's channels get nothing, by channel. */
const connectionOf = { slack: "slack", email: "mail" } as const;

/** The rules by which alerts are sent now. A destination that was removed or is retired (not among `destinations`) is left out. */
export function rulesInForce(all: readonly AlertRule[], snapshot: Snapshot, destinations: ReadonlySet<string>): readonly AlertRule[] {
  const reachable = (rule: AlertRule) => (destinations.has(rule.destination ?? "") ? rule : { ...rule, destination: undefined });
  const rules = all.map(reachable);
  const isReaching = (rule: AlertRule) => rule.destination !== undefined || unconnected(rule, snapshot).length < channelsOf(rule).length;
  return isBuiltInInForce(rules, isReaching) ? [reachable(builtInRule(snapshot))] : rules;
}

/** The built-in rule applies while no rule that is on reaches a channel. When there are rules and all are off, nothing is sent. */
export function isBuiltInInForce<Rule extends Pick<AlertRule, "enabled">>(rules: readonly Rule[], isReaching: (rule: Rule) => boolean): boolean {
  const on = rules.filter(({ enabled }) => enabled);
  return !on.some(isReaching) && (on.length > 0 || rules.length === 0);
}

/** The built-in rule: warnings and worse, to the channels of the tenant's settings; without settings to Slack, if it is connected. */
export function builtInRule({ settings }: Pick<Snapshot, "settings">): AlertRule {
  const { email: to = [], destination, slack: wantsSlack = true } = settings.alerts ?? {};
  return { enabled: true, minSeverity: "warning", slack: wantsSlack, email: to, destination };
}

/** Channels of a rule without their connection, each with the connection's name. */
export function unconnected(rule: AlertRule, { sections }: Pick<Snapshot, "sections">): { channel: string; connection: string }[] {
  return channelsOf(rule)
    .map((channel) => ({ channel, connection: connectionOf[channel] }))
    .filter(({ connection }) => !sections.connections?.[connection]);
}

/** The rule's channels that need a connection. */
function channelsOf({ slack: wantsSlack, email: to }: AlertRule): (keyof typeof connectionOf)[] {
  return [...(wantsSlack ? (["slack"] as const) : []), ...(to.length > 0 ? (["email"] as const) : [])];
}
