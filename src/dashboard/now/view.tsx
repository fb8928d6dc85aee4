import { plural } from "../../decimal";
import type { Report, Stats } from "../answers";
import { remediesOf } from "../flow/lift";
import { QueueTable } from "../flow/queues";
import { GroupTable } from "../failures/groups";
import { JobTable } from "../jobs/table";
import { page, type Visit } from "../page";
import { domId, duration, number } from "../parts/format";
import { Remedies } from "../parts/remedies";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { Chart } from "./chart";
import { type NowModel, queryNow, ranges } from "./query";
import { Bar } from "../parts/bar";

/** The first page: findings, running work, queues and failures. */
export const nowPage = page<NowModel>({
  path: "/",
  section: "Now",
  tenants: "any",
  title: ({ findings }) => verdictOf(findings),
  query: queryNow,
  pace: ({ queues }) => (queues.some(({ running }) => running > 0) ? "quick" : "calm"),
  view: (model, visit) => (
    <>
      <h1 class="verdict">{verdictOf(model.findings)}</h1>
      <Findings visit={visit} findings={model.findings} />
      {model.running.length > 0 ? (
        <Section title="In progress">
          <JobTable visit={visit} jobs={model.running} />
        </Section>
      ) : null}
      <Section title="Flow">
        {model.queues.length > 0 ? <QueueTable visit={visit} queues={model.queues} /> : <Empty>Nothing is under way and nothing waits.</Empty>}
        {model.idle.length > 0 && model.queues.length > 0 ? <p class="dim">Idle: {model.idle.join(", ")}.</p> : null}
      </Section>
      {visit.tenant === "*" ? <Shares groups={model.stats.groups ?? []} hours={model.hours} /> : null}
      {model.groups.length > 0 ? (
        <Section title="Failing">
          <GroupTable visit={visit} groups={model.groups} />
        </Section>
      ) : null}
      <Section title="Ended jobs" aside={<Ranges visit={visit} hours={model.hours} />}>
        <Chart visit={visit} stats={model.stats} />
      </Section>
    </>
  ),
});

/** Findings of the severity `info` need no person at once; pauses and approvals among them are counted. */
function verdictOf(findings: Report["findings"]): string {
  const urgent = findings.filter(({ severity }) => severity !== "info").length;
  if (urgent > 0) return `${plural(urgent, "thing")} need${urgent === 1 ? "s" : ""} you`;
  const pauses = findings.filter(({ code }) => code === "paused").length;
  const approvals = findings.reduce((sum, { code, count }) => sum + (code === "approval" ? count : 0), 0);
  return ["All is well", pauses > 0 ? plural(pauses, "pause") : "", approvals > 0 ? plural(approvals, "approval") : ""].filter(Boolean).join(", ");
}

function Findings({ visit, findings }: { visit: Visit; findings: Report["findings"] }) {
  const ids = idsOf(findings);
  if (findings.length === 0) return <Empty>No circuit is open, nothing is paused, and no failure is open.</Empty>;
  return (
    <ul class="findings">
      {findings.map((finding, index) => (
        <li key={ids[index]} id={ids[index]}>
          <State is={finding.severity} />
          <span class="sentence">
            <Sentence text={finding.sentence} />
          </span>
          <span class="facts">
            {visit.tenant === "*" && finding.tenant !== "*" ? <a href={`/t/${finding.tenant}/`}>{finding.tenant}</a> : null} <Time at={finding.since} none="" />
          </span>
          <span class="remedies">
            <Remedies visit={visit} remedies={remediesOf(visit, finding)} tenant={finding.tenant} place={finding.subject} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** Several findings may be about one thing, such as two causes of one type's failures: the later ones are numbered. */
function idsOf(findings: Report["findings"]): string[] {
  const counts = new Map<string, number>();
  return findings.map(({ code, tenant, subject }) => {
    const id = domId("finding", code, tenant, subject);
    const count = (counts.get(id) ?? 0) + 1;
    counts.set(id, count);
    return count === 1 ? id : `${id}-${count}`;
  });
}

function Ranges({ visit, hours }: { visit: Visit; hours: number }) {
  return (
    <span>
      {ranges.map((each) => (
        <a key={each} class="button quiet" href={`${visit.base}/?hours=${each}`} {...(each === hours ? { "aria-current": "true" } : {})}>
          {each < 48 ? `${each} h` : `${each / 24} d`}
        </a>
      ))}
    </span>
  );
}

type Group = NonNullable<Stats["groups"]>[number];

const maxShown = 10;
/** Jobs that a gate, a pause or a wait holds back, as on the page Flow. */
const held = ["held", "parked"];

/** The ten tenants with the most run time, running and waiting jobs. */
function Shares({ groups, hours }: { groups: readonly Group[]; hours: number }) {
  const largest = groups.toSorted((left, right) => weightOf(right) - weightOf(left)).slice(0, maxShown);
  const maxMs = Math.max(0, ...largest.map(({ ms }) => ms));
  if (largest.length === 0) return null;
  return (
    <Section title="Tenants" aside={<a href="/t/*/tenants">all of them</a>}>
      <Table
        label="Tenants"
        rows={largest}
        id={({ name }) => `share-${name}`}
        columns={[
          ["Tenant", ({ name }) => <a href={`/t/${encodeURIComponent(name)}/`}>{name}</a>],
          ["#Running", ({ open }) => number(open["running"] ?? 0)],
          ["#Ready", ({ open }) => number(open["ready"] ?? 0)],
          ["#Held", ({ open }) => number(held.reduce((sum, kind) => sum + (open[kind] ?? 0), 0))],
          ["#-Retrying", ({ open }) => number(open["retrying"] ?? 0)],
          ["#-Scheduled", ({ open }) => number(open["scheduled"] ?? 0)],
          ["#-Done", ({ events }) => number(events["done"] ?? 0)],
          ["#-Failed", ({ events }) => number((events["dead"] ?? 0) + (events["discarded"] ?? 0))],
          [`#Run time in ${hours} h`, ({ ms }) => duration(ms)],
          ["-Share", ({ ms }) => <Bar value={ms} max={maxMs} />],
        ]}
      />
    </Section>
  );
}

/** Orders by run time, then by running and waiting jobs. */
function weightOf({ ms, open }: Group): number {
  return ms + Object.values(open).reduce((sum, count) => sum + count, 0);
}
