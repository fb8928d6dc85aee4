import { plural } from "../../decimal";
import { redact } from "../../masking/redact";
import { dayMs } from "../../time/day";
import { budgetState } from "../costs/model";
import type { ReportFacts } from "./facts";
import { type RemedyCall, type Finding, isoSeconds } from "./model";
import { sitePausedSentence, unpolledSentence } from "./why";

/** Findings about what a tenant has set up: schedules, sites, receivers of events, workers, a budget, and what waits for its approval. */

export function schedules({ schedules: all, now }: ReportFacts): Finding[] {
  return all
    .filter(({ outcome, plannedAt }) => outcome === "failed" || now - plannedAt <= dayMs)
    .map(({ tenant, name, outcome, note, plannedAt }) => ({
      code: outcome === "failed" ? "schedule-failed" : "schedule-skipped",
      // Skipping is what its policy asks for.
      severity: outcome === "failed" ? "critical" : "info",
      sentence: `The schedule ${name} did not run at ${isoSeconds(plannedAt)}: ${note ?? "no reason is known"}`,
      since: plannedAt,
      count: 1,
      subject: `schedule/${name}`,
      tenant,
      actions: [{ method: "POST", path: `/v1/schedules/${name}/run`, label: "Run now" }],
    }));
}

export function sites({ sites: all }: ReportFacts): Finding[] {
  return all.map(({ tenant, site, reason, since }) => ({
    code: "site-paused",
    severity: "critical",
    sentence: sitePausedSentence(site, reason),
    since,
    count: 1,
    subject: `site/${site}`,
    tenant,
    actions: [{ method: "POST", path: `/v1/sites/${site}/test`, label: "Test the site" }],
  }));
}

export function unreadable({ unreadable: all }: ReportFacts): Finding[] {
  return all.map(({ tenant, site, count, since }) => ({
    code: "site-unreadable",
    severity: "warning",
    sentence: `${plural(count, "row")} of the site ${site} cannot be read.`,
    since,
    count,
    subject: `site/${site}`,
    tenant,
    actions: [{ method: "GET", path: `/v1/sites/${site}`, label: "Look" }],
  }));
}

/** Events leave these receivers out, and nothing else fails: without a finding their loss is not seen. */
export function receivers({ retired }: ReportFacts): Finding[] {
  return retired.map(({ tenant, kind, name, reason, since }) => ({
    code: "receiver-off",
    severity: "warning",
    sentence: `The ${kind} ${name} gets no events since ${isoSeconds(since)}, until it is set again: its receiver accepts no more (${redact(reason)}).`,
    since,
    count: 1,
    subject: `${kind}/${name}`,
    tenant,
    actions: [{ method: "GET", path: `/v1/${kind}s/${name}`, label: "Look" }],
  }));
}

export function workers({ unpolled }: ReportFacts): Finding[] {
  return unpolled.map(({ tenant, type, count, since, oldestAt }) => ({
    code: "no-worker",
    severity: "critical",
    sentence: `${unpolledSentence(type, since)} ${plural(count, "job")} wait${count === 1 ? "s" : ""}.`,
    since: Math.max(since ?? 0, oldestAt),
    count,
    subject: `type/${type}`,
    tenant,
    actions: [{ method: "GET", path: "/v1/workers", label: "Workers" }],
  }));
}

export function budgets({ budgets: all }: ReportFacts): Finding[] {
  return all.flatMap(({ tenant, usdPerMonth, spent }): Finding[] => {
    const state = budgetState(spent, usdPerMonth);
    if (state === "within") return [];
    const sentence = `Jobs have cost about ${spent.toFixed(2)} USD this month, of a budget of ${usdPerMonth.toFixed(2)} USD.`;
    const actions: RemedyCall[] = [{ method: "GET", path: "/v1/costs", label: "Costs" }];
    return [{ code: "budget", severity: state === "over" ? "critical" : "warning", sentence, since: null, count: 1, subject: "budget", tenant, actions }];
  });
}

export function approvals({ proposals, purchaseOrders }: ReportFacts): Finding[] {
  const agents = proposals.map(({ tenant, agent, count, since }): Finding => {
    const sentence = `${plural(count, "proposal")} of the agent ${agent} wait${count === 1 ? "s" : ""} for approval.`;
    const actions: RemedyCall[] = [{ method: "GET", path: `/v1/agent-runs?agentType=${agent}`, label: "Look" }];
    return { code: "approval", severity: "info", sentence, since, count, subject: `agent/${agent}`, tenant, actions };
  });
  const orders = purchaseOrders.map(({ tenant, site, count, since }): Finding => {
    const sentence = `${plural(count, "purchase order")} of the site ${site} wait${count === 1 ? "s" : ""} for approval.`;
    const actions: RemedyCall[] = [{ method: "GET", path: `/v1/sites/${site}/purchase-orders`, label: "Look" }];
    return { code: "approval", severity: "info", sentence, since, count, subject: `site/${site}`, tenant, actions };
  });
  return [...agents, ...orders];
}
