import { plural } from "../../decimal";
import type { Site, Sites } from "../answers";
import { JobTable } from "../jobs/table";
import { page } from "../page";
import { Act } from "../parts/act";
import { domId, duration, number } from "../parts/format";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
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
      {sites.length > 0 ? (
        <Table label="Sites" columns={["Site", "State", "-Address", "Last error", ""]}>
          {sites.map(({ site, url, paused, lastError }) => (
            <tr key={site} id={domId("site", site)}>
              <td>
                <a href={`${visit.base}/sites/${encodeURIComponent(site)}`}>{site}</a>
              </td>
              <td>{paused === null ? <State is="ok" word="on" /> : <State is="paused" />}</td>
              <td class="wide">{url}</td>
              <td class="words">
                <Sentence text={(paused ?? lastError)?.reason ?? ""} />
              </td>
              <td class="actions">
                <Act visit={visit} action={siteActions.test} fields={{ site }} />
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <Empty>
          There is no shop. <code>PUT /v1/sites/NAME</code> connects one.
        </Empty>
      )}
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
          {site.site} {site.sync.paused === null ? <State is="ok" word="on" /> : <State is="paused" />}
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
        <Table label="Syncs" columns={["What", "#Stored", "#-Deleted", "Up to", "Last success", "-Behind"]}>
          <SyncRow name="orders" sync={site.sync.orders} />
          <SyncRow name="products" sync={site.sync.products} />
        </Table>
        <p class="dim">
          {site.sync.unreadable.count > 0 ? `${plural(site.sync.unreadable.count, "row")} of the shop cannot be read. ` : ""}
          {site.sync.eventsPending > 0 ? `${plural(site.sync.eventsPending, "event")} of the shop wait to be sent on. ` : ""}
          {site.url}, {site.platform}
          {site.sync.timeZone === null ? "" : `, ${site.sync.timeZone}`}
        </p>
      </Section>
      <Section title="Purchase orders to approve">
        {orders.length > 0 ? <PurchaseTable visit={visit} site={site.site} orders={orders} /> : <Empty>No purchase order waits for approval.</Empty>}
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

function SyncRow({ name, sync }: { name: string; sync: Site["sync"]["orders"] }) {
  return (
    <tr id={`sync-${name}`}>
      <td>{name}</td>
      <td class="num">{number(sync.count)}</td>
      <td class="num wide">{number(sync.deleted)}</td>
      <td>
        <Time at={sync.cursor} />
      </td>
      <td>
        <Time at={sync.lastSuccess} none="never" />
      </td>
      <td class="wide">{sync.lag === null ? null : duration(sync.lag * 1000)}</td>
    </tr>
  );
}
