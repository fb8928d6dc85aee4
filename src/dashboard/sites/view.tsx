import { plural } from "../../decimal";
import type { Site, Sites } from "../answers";
import { JobTable } from "../jobs/table";
import { page } from "../page";
import { Act } from "../parts/act";
import { domId, duration, number } from "../parts/format";
import { State } from "../parts/state";
import { Section, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { siteActions } from "./actions";
import { PurchaseTable } from "./purchases";
import { querySite, type SiteModel } from "./query";

export const sitesPage = page<Sites>({
  path: "/sites",
  section: "Sites",
  tenants: "one",
  title: () => "Sites",
  query: ({ api }) => api.get<Sites>("/v1/sites"),
  view: ({ sites }, visit) => (
    <>
      <h1>Sites</h1>
      <Table
        label="Sites"
        rows={sites}
        id={({ site }) => domId("site", site)}
        columns={[
          ["Site", ({ site }) => <a href={`${visit.base}/sites/${encodeURIComponent(site)}`}>{site}</a>],
          ["State", ({ paused }) => <SiteState paused={paused} />],
          ["-Address", ({ url }) => url],
          ["Last error", ({ paused, lastError }) => <Sentence text={(paused ?? lastError)?.reason ?? ""} />, "words"],
          ["", ({ site }) => <Act visit={visit} action={siteActions.test} fields={{ site }} />],
        ]}
        empty={["There is no shop. ", <code>PUT /v1/sites/NAME</code>, " connects one."]}
      />
    </>
  ),
});

export const sitePage = page<SiteModel>({
  path: "/sites/:site",
  section: "Sites",
  tenants: "one",
  title: ({ site }) => site.site,
  query: querySite,
  pace: ({ running }) => (running.length > 0 ? "quick" : "calm"),
  view: ({ site, running, orders }, visit) => (
    <>
      <div class="head">
        <h1>
          {site.site} <SiteState paused={site.sync.paused} />
        </h1>
        <span class="remedies">
          <Act visit={visit} action={siteActions.test} fields={{ site: site.site }} />
          {/* A sync of a paused site waits like the others. */}
          {site.sync.paused === null ? (
            <>
              <Act visit={visit} action={siteActions.syncOrders} fields={{ site: site.site }} />
              <Act visit={visit} action={siteActions.syncProducts} fields={{ site: site.site }} />
            </>
          ) : null}
        </span>
      </div>
      <Trouble sync={site.sync} />
      {running.length > 0 ? (
        <Section title="In progress">
          <JobTable visit={visit} jobs={running} />
        </Section>
      ) : null}
      <Section title="Syncs" aside={<a href={`${visit.base}/jobs?siteId=${encodeURIComponent(site.site)}`}>all its jobs</a>}>
        <Table
          label="Syncs"
          rows={[
            { name: "orders", ...site.sync.orders },
            { name: "products", ...site.sync.products },
          ]}
          id={({ name }) => `sync-${name}`}
          columns={[
            ["What", ({ name }) => name],
            ["#Stored", ({ count }) => number(count)],
            ["#-Deleted", ({ deleted }) => number(deleted)],
            ["Up to", ({ cursor }) => <Time at={cursor} />],
            ["Last success", ({ lastSuccess }) => <Time at={lastSuccess} none="never" />],
            ["-Behind", ({ lag }) => (lag === null ? null : duration(lag * 1000))],
          ]}
        />
        <p class="dim">
          {site.sync.unreadable.count > 0 ? `${plural(site.sync.unreadable.count, "row")} of the shop cannot be read. ` : ""}
          {site.sync.eventsPending > 0 ? `${plural(site.sync.eventsPending, "event")} of the shop wait to be sent on. ` : ""}
          {site.url}, {site.platform}
          {site.sync.timeZone === null ? "" : `, ${site.sync.timeZone}`}
        </p>
      </Section>
      <Section title="Purchase orders to approve">
        <PurchaseTable visit={visit} site={site.site} orders={orders} />
      </Section>
    </>
  ),
});

function Trouble({ sync: { paused, lastError, warnings } }: { sync: Site["sync"] }) {
  const trouble = paused ?? lastError;
  return (
    <>
      {trouble === null ? null : (
        <p class={paused === null ? "why" : "why broken"}>
          <Sentence text={trouble.reason} />{" "}
          {paused === null ? null : (
            <span class="dim">
              Paused <Time at={paused.since} />, tried again <Time at={paused.nextTryAt} />.
            </span>
          )}
        </p>
      )}
      {warnings.map((warning) => (
        <p key={warning} class="why rest">
          {warning}
        </p>
      ))}
    </>
  );
}

function SiteState({ paused }: { paused: unknown }) {
  return paused === null ? <State is="ok" word="on" /> : <State is="paused" />;
}
