import type { Connection, Costs, Destination, Gates, Pauses, Stats, Subscription, Templates, Tenant, Tenants, Tokens } from "../answers";
import { Hold } from "../flow/hold";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { domId } from "../parts/format";
import { Json } from "../parts/json";
import { LastFailure, type Usage, UsageFacts } from "./usage";
import { State } from "../parts/state";
import { Count, Empty, Older, Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { tenantActions } from "./actions";
import { type Receiver, Receivers, receiversOf } from "./receivers";
import { hourMs } from "../../time/day";

interface ListModel extends Tenants {
  shares: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Tenants that are paused as a whole. */
  paused: ReadonlySet<string>;
}

export const tenantsPage = page<ListModel>({
  path: "/tenants",
  section: "Tenants",
  tenants: "all",
  title: () => "Tenants",
  query: async ({ api, url, now }) => {
    const from = new Date(now - hourMs + 1).toISOString();
    const [list, { groups = [] }, { pauses }] = await Promise.all([
      api.get<Tenants>("/v1/tenants", { cursor: url.searchParams.get("cursor") ?? undefined }),
      api.get<Stats>("/v1/stats", { by: "tenant", from }),
      api.get<Pauses>("/v1/pauses"),
    ]);
    const paused = new Set(pauses.flatMap(({ scope, name }) => (scope === "tenant" ? [name] : [])));
    return { ...list, paused, shares: new Map(groups.map(({ name, events, open }) => [name, { ...events, ...open }])) };
  },
  view: ({ tenants, cursor, shares, paused }, visit) => (
    <>
      <h1>Tenants</h1>
      <Table
        label="Tenants"
        rows={tenants}
        id={({ tenant }) => domId("tenant", tenant)}
        columns={[
          ["Tenant", ({ tenant }) => [<a href={`/t/${tenant}/`}>{tenant}</a>, " ", paused.has(tenant) ? <State is="paused" /> : null]],
          ["Name", ({ name }) => name, "words"],
          ["#Waiting", ({ tenant }) => <Share shares={shares.get(tenant)} of={["ready", "held", "parked", "retrying"]} />],
          ["#Running", ({ tenant }) => <Share shares={shares.get(tenant)} of={["running"]} />],
          ["#Done in the hour", ({ tenant }) => <Share shares={shares.get(tenant)} of={["done"]} />],
          ["#-Failed", ({ tenant }) => <Share shares={shares.get(tenant)} of={["dead", "discarded"]} />],
          ["-Time zone", ({ timezone }) => timezone],
          ["-Since", ({ created }) => <Time at={created} />],
        ]}
        empty={["There is no tenant. ", <code>PUT /v1/tenants/NAME</code>, " makes one."]}
      />
      <Older cursor={cursor} path={`${visit.base}/tenants`} label="More" />
    </>
  ),
});

function Share({ shares = {}, of }: { shares: Readonly<Record<string, number>> | undefined; of: readonly string[] }) {
  return <Count value={of.reduce((sum, name) => sum + (shares[name] ?? 0), 0)} />;
}

interface Model {
  tenant: Tenant;
  /** Only for admins. */
  tokens: Tokens["tokens"] | null;
  connections: Connection[];
  templates: Templates["templates"];
  usage: Usage;
  failures: ReadonlyMap<string, Gates["gates"][number]>;
  pauses: Pauses["pauses"];
  receivers: Receiver[];
}

export const settingsPage = page<Model>({
  path: "/settings",
  section: "Settings",
  tenants: "one",
  title: () => "Settings",
  query: async ({ api, tenant: name, may, now }) => {
    const path = `/v1/tenants/${encodeURIComponent(name)}`;
    const from = new Date(now - hourMs + 1).toISOString();
    const [tenant, tokens, { connections }, { templates }, stats, costs, { gates }, { pauses }, { destinations }, { subscriptions }] = await Promise.all([
      api.get<Tenant>(path),
      may("admin") ? api.get<Tokens>(`${path}/tokens`) : null,
      api.get<{ connections: Connection[] }>("/v1/connections"),
      api.get<Templates>("/v1/templates"),
      api.get<Stats>("/v1/stats", { from }),
      api.get<Costs>("/v1/costs"),
      api.get<Gates>("/v1/gates", { limit: "200" }),
      api.get<Pauses>("/v1/pauses"),
      api.get<{ destinations: Destination[] }>("/v1/destinations"),
      api.get<{ subscriptions: Subscription[] }>("/v1/subscriptions"),
    ]);
    const failures = new Map(gates.map((gate) => [gate.dependency, gate]));
    return {
      tenant,
      tokens: tokens?.tokens ?? null,
      connections,
      templates,
      usage: { stats, costs },
      failures,
      pauses,
      receivers: receiversOf(destinations, subscriptions),
    };
  },
  view: ({ tenant, tokens, connections, templates, usage, failures, pauses, receivers }, visit) => (
    <>
      <div class="head">
        <h1>{tenant.name}</h1>
        <Hold visit={visit} scope="tenant" name={tenant.tenant} pauses={pauses} label="Pause the tenant" />
      </div>
      <p class="dim">
        {tenant.tenant}, {tenant.timezone}, since <Time at={tenant.created} />
      </p>
      <UsageFacts visit={visit} usage={usage} settings={tenant.settings} />
      <Section title="Connections">
        {connections.length === 0 ? <Empty>None: mails, chats and models are reached through connections.</Empty> : null}
        <ul class="plain">
          {connections.map(({ name, provider, updated }) => (
            <li key={name}>
              {name} <span class="dim">{provider}, changed</span> <Time at={updated} />
              <LastFailure gate={failures.get(name)} />
            </li>
          ))}
        </ul>
      </Section>
      <Receivers receivers={receivers} />
      {tokens === null ? null : <TokenList visit={visit} tokens={tokens} />}
      <Section title="Templates">
        <ul class="plain">
          {templates.map(({ id, version }) => (
            <li key={id}>
              {id} <span class="dim">version {version}</span>
            </li>
          ))}
        </ul>
      </Section>
      <Section title="Settings">
        <Json id="settings" value={tenant.settings} />
      </Section>
    </>
  ),
});

function TokenList({ visit, tokens }: { visit: Visit; tokens: Tokens["tokens"] }) {
  return (
    <Section title="Tokens">
      <Table
        label="Tokens"
        rows={tokens}
        id={({ id }) => domId("token", id)}
        columns={[
          ["Name", ({ name }) => name],
          ["Scopes", ({ scopes }) => scopes.join(", ")],
          ["-Made", ({ created }) => <Time at={created} />],
          ["-Last used", ({ lastUsed }) => <Time at={lastUsed} none="not noted" />, "", () => "To within an hour"],
          [
            "State",
            ({ revoked }) => (revoked === null ? <State is="ok" word="valid" /> : [<State is="cancelled" word="revoked" />, " ", <Time at={revoked} />]),
          ],
          ["", ({ id, revoked }) => (revoked === null ? <Revoke visit={visit} id={id} /> : null)],
        ]}
      />
    </Section>
  );
}

function Revoke({ visit, id }: { visit: Visit; id: string }) {
  return (
    <Act visit={visit} action={tenantActions.revokeToken} fields={{ tenant: visit.tenant, id }}>
      <p>What uses it is refused within 60 seconds, everywhere. It cannot be taken back.</p>
    </Act>
  );
}
