import { alertCodes } from "../../domain/alerts/rule";
import type { AlertRules } from "../answers";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { domId } from "../parts/format";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { alertActions } from "./actions";

type Rule = AlertRules["rules"][number];

interface RulesProps {
  visit: Visit;
  rules: readonly Rule[];
  /** Names of the tenant's connections: a new rule is ticked for Slack where there is one. */
  connected: readonly string[];
}

/** The alert rules: which findings go to which channels. */
export function Rules({ visit, rules, connected }: RulesProps) {
  const add = (
    <Act visit={visit} action={alertActions.put} label="New rule" fields={{}} id="new">
      <label>
        Name
        <input name="name" required pattern="[a-z0-9\-]{1,63}" maxLength={63} autocomplete="off" />
      </label>
      <RuleFields rule={{ ...fresh, slack: connected.includes("slack") }} />
    </Act>
  );
  return (
    <Section title="Rules" aside={add}>
      {rules.length === 0 ? (
        <Empty>There is no rule: warnings and worse go to the channels of the tenant's settings.</Empty>
      ) : (
        <Table label="Rules" columns={["Name", "State", "-From", "Findings", "-Types", "To", ""]}>
          {rules.map((rule) => (
            <tr key={rule.name} id={domId("rule", rule.name)}>
              <td class="name">{rule.name}</td>
              <td>{rule.enabled ? <State is="ok" word="on" /> : <State is="paused" word="off" />}</td>
              <td class="wide">{rule.minSeverity}</td>
              <td class="words">{rule.codes?.join(", ") ?? "all"}</td>
              <td class="wide">{rule.types?.join(", ") ?? "all"}</td>
              <td class="words">
                <Channels rule={rule} />
              </td>
              <td class="actions">
                <Act visit={visit} action={alertActions.test} fields={{ name: rule.name }} />{" "}
                <Act visit={visit} action={alertActions.put} label="Edit" fields={{ name: rule.name }} id={`edit-${rule.name}`}>
                  <RuleFields rule={rule} />
                </Act>{" "}
                <Act visit={visit} action={alertActions.remove} fields={{ name: rule.name }}>
                  <p>Without any rule that reaches a channel the built-in one applies.</p>
                </Act>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
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
      <label>
        Types of jobs, parted by commas (blank: all)
        <input name="types" value={rule.types?.join(", ")} maxLength={4000} autocomplete="off" />
      </label>
      <label class="tick">
        <input type="checkbox" name="slack" checked={rule.slack} /> To Slack, by the connection of that name
      </label>
      <label>
        To these addresses, parted by commas
        <input name="email" value={rule.email.join(", ")} maxLength={3000} autocomplete="off" />
      </label>
      <label>
        To this destination (a webhook)
        <input name="destination" value={rule.destination} maxLength={63} autocomplete="off" />
      </label>
      <label class="tick">
        <input type="checkbox" name="enabled" checked={rule.enabled} /> The rule is on
      </label>
    </>
  );
}
