import { alertCodes } from "../../domain/alerts/rule";
import type { AlertRules } from "../answers";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { Field } from "../parts/field";
import { domId } from "../parts/format";
import { State } from "../parts/state";
import { Section, Table } from "../parts/table";
import { alertActions } from "./actions";

type Rule = AlertRules["rules"][number];

interface RulesProps extends AlertRules {
  visit: Visit;
  /** Names of the tenant's connections: a new rule is ticked for Slack where there is one. */
  connected: readonly string[];
}

/** The alert rules: which findings go to which channels. */
export function Rules({ visit, rules, builtIn, connected }: RulesProps) {
  const add = (
    <Act visit={visit} action={alertActions.put} label="New rule" fields={{}} id="new">
      <Field label="Name" name="name" required pattern="[a-z0-9\-]{1,63}" maxLength={63} autocomplete="off" />
      <RuleFields rule={{ ...fresh, slack: connected.includes("slack") }} />
    </Act>
  );
  return (
    <Section title="Rules" aside={add}>
      <Table
        label="Rules"
        rows={rules}
        id={({ name }) => domId("rule", name)}
        empty={`There is no rule: ${builtInText(builtIn)}`}
        columns={[
          ["Name", ({ name }) => name, "name"],
          ["State", ({ enabled }) => (enabled ? <State is="ok" word="on" /> : <State is="paused" word="off" />)],
          ["-From", ({ minSeverity }) => minSeverity],
          ["Findings", ({ codes }) => codes?.join(", ") ?? "all", "words"],
          ["-Types", ({ types }) => types?.join(", ") ?? "all"],
          ["To", (rule) => <Channels rule={rule} />, "words"],
          ["", (rule) => <RuleActs visit={visit} rule={rule} />],
        ]}
      />
      {rules.length > 0 && builtIn.inForce ? <p>No rule that is on reaches a channel. Until one does, {builtInText(builtIn)}</p> : null}
      {rules.length > 0 && rules.every(({ enabled }) => !enabled) ? <p>All rules are off: nothing is sent.</p> : null}
    </Section>
  );
}

function RuleActs({ visit, rule }: { visit: Visit; rule: Rule }) {
  const fields = { name: rule.name };
  return (
    <>
      <Act visit={visit} action={alertActions.test} fields={fields} />{" "}
      <Act visit={visit} action={alertActions.put} label="Edit" fields={fields} id={`edit-${rule.name}`}>
        <RuleFields rule={rule} />
      </Act>{" "}
      <Act visit={visit} action={alertActions.remove} fields={fields}>
        <p>Without any rule that reaches a channel the built-in one applies.</p>
      </Act>
    </>
  );
}

/** What the built-in rule does, after "There is no rule:". */
function builtInText({ slack, email, destination, unconnected }: AlertRules["builtIn"]): string {
  const reaches = (channel: string) => !unconnected.some((each) => each.channel === channel);
  const to = [
    ...(slack && reaches("slack") ? ["Slack"] : []),
    ...(reaches("email") ? email : []),
    ...(destination !== undefined && reaches("webhook") ? [`the destination ${destination}`] : []),
  ];
  const why = unconnected.map(({ reason }) => reason).join(" ");
  return to.length === 0 ? `alerts are sent nowhere and listed here alone. ${why}` : `warnings and worse go to ${to.join(", ")}, by the tenant's settings.`;
}

const channelWords: Readonly<Record<string, string>> = { slack: "In Slack", email: "By mail", webhook: "To the destination" };

/** The channels of a rule; those that get nothing are red, with the reason. */
function Channels({ rule: { slack, email, destination, unconnected } }: { rule: Rule }) {
  return (
    <>
      {[slack ? "Slack" : "", email.join(", "), destination === undefined ? "" : `destination ${destination}`].filter(Boolean).join(", ")}
      {unconnected.map(({ channel, reason }) => (
        <p key={channel}>
          <State is="failed" word="not sent" /> {channelWords[channel] ?? channel}: {reason}
        </p>
      ))}
    </>
  );
}

const fresh: Pick<Rule, "minSeverity" | "slack" | "email" | "enabled"> & Partial<Rule> = { minSeverity: "warning", slack: true, email: [], enabled: true };

function RuleFields({ rule }: { rule: typeof fresh }) {
  return (
    <>
      <label>
        From
        <select name="minSeverity">
          {(["warning", "critical"] as const).map((severity) => (
            <option key={severity} selected={rule.minSeverity === severity}>
              {severity}
            </option>
          ))}
        </select>
      </label>
      <fieldset>
        <legend>Findings (none ticked: all)</legend>
        <div class="ticks">
          {alertCodes.map((code) => (
            <label key={code}>
              <input type="checkbox" name={`code:${code}`} checked={rule.codes?.includes(code)} /> {code}
            </label>
          ))}
        </div>
      </fieldset>
      <Field label="Types of jobs, parted by commas (blank: all)" name="types" value={rule.types?.join(", ")} maxLength={4000} autocomplete="off" />
      <label class="tick">
        <input type="checkbox" name="slack" checked={rule.slack} /> To Slack, by the connection of that name
      </label>
      <Field label="To these addresses, parted by commas" name="email" value={rule.email.join(", ")} maxLength={3000} autocomplete="off" />
      <Field label="To this destination (a webhook)" name="destination" value={rule.destination} maxLength={63} autocomplete="off" />
      <label class="tick">
        <input type="checkbox" name="enabled" checked={rule.enabled} /> The rule is on
      </label>
    </>
  );
}
