import type { Connection, Costs, Gates, Pauses, Stats, Templates, Tenant, Tenants, Tokens } from "../answers";
import { Hold } from "../flow/hold";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { domId, number } from "../parts/format";
import { Json } from "../parts/json";
import { LastFailure, type Usage, UsageFacts } from "./usage";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { tenantActions } from "./actions";

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
    const from = new Date(now - 3_600_000 + 1).toISOString();
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
      {tenants.length > 0 ? (
        <Table label="Tenants" columns={["Tenant", "Name", "#Waiting", "#Running", "#Done in the hour", "#-Failed", "-Time zone", "-Since"]}>
          {tenants.map(({ tenant, name, timezone, created }) => (
            <tr key={tenant} id={domId("tenant", tenant)}>
              <td>
                <a href={`/t/${tenant}/`}>{tenant}</a> {paused.has(tenant) ? <State is="paused" /> : null}
              </td>
              <td class="words">{name}</td>
              <Share shares={shares.get(tenant)} of={["ready", "held", "parked", "retrying"]} />
              <Share shares={shares.get(tenant)} of={["running"]} />
              <Share shares={shares.get(tenant)} of={["done"]} />
              <Share shares={shares.get(tenant)} of={["dead", "discarded"]} wide />
              <td class="wide">{timezone}</td>
              <td class="wide">
                <Time at={created} />
              </td>
            </tr>
          ))}
        </Table>
      ) : (
        <Empty>
          There is no tenant. <code>PUT /v1/tenants/NAME</code> makes one.
        </Empty>
      )}
      {cursor === null ? null : (
        <p class="pager">
          <a rel="next" href={`${visit.base}/tenants?cursor=${encodeURIComponent(cursor)}`}>
            More
          </a>
        </p>
      )}
    </>
  ),
});

function Share({ shares = {}, of, wide = false }: { shares: Readonly<Record<string, number>> | undefined; of: readonly string[]; wide?: boolean }) {
  const total = of.reduce((sum, name) => sum + (shares[name] ?? 0), 0);
  return <td class={wide ? "num wide" : "num"}>{total === 0 ? <span class="dim">0</span> : number(total)}</td>;
}

interface Model {
  tenant: Tenant;
  /** Only for admins. */
  tokens: Tokens["tokens"] | null;
  connections: Connection[];
  templates: Templates["templates"];
  usage: Usage;
  /** The last failure of each connection, by its name. */
  failures: ReadonlyMap<string, Gates["gates"][number]>;
  pauses: Pauses["pauses"];
}

export const settingsPage = page<Model>({
  path: "/settings",
  section: "Settings",
  tenants: "one",
  title: () => "Settings",
  query: async ({ api, tenant: name, may, now }) => {
    const path = `/v1/tenants/${encodeURIComponent(name)}`;
    const from = new Date(now - 3_600_000 + 1).toISOString();
    const [tenant, tokens, { connections }, { templates }, stats, costs, { gates }, { pauses }] = await Promise.all([
      api.get<Tenant>(path),
      may("admin") ? api.get<Tokens>(`${path}/tokens`) : null,
      api.get<{ connections: Connection[] }>("/v1/connections"),
      api.get<Templates>("/v1/templates"),
      api.get<Stats>("/v1/stats", { from }),
      api.get<Costs>("/v1/costs"),
      api.get<Gates>("/v1/gates", { limit: "200" }),
      api.get<Pauses>("/v1/pauses"),
    ]);
    const failures = new Map(gates.map((gate) => [gate.dependency, gate]));
    return { tenant, tokens: tokens?.tokens ?? null, connections, templates, usage: { stats, costs }, failures, pauses };
  },
  view: ({ tenant, tokens, connections, templates, usage, failures, pauses }, visit) => (
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
      <Table label="Tokens" columns={["Name", "Scopes", "-Made", "-Last used", "State", ""]}>
        {tokens.map(({ id, name, scopes, created, lastUsed, revoked }) => (
          <tr key={id} id={domId("token", id)}>
            <td>{name}</td>
            <td>{scopes.join(", ")}</td>
            <td class="wide">
              <Time at={created} />
            </td>
            <td class="wide" title="To within an hour">
              <Time at={lastUsed} none="not noted" />
            </td>
            <td>
              {revoked === null ? <State is="ok" word="valid" /> : <State is="cancelled" word="revoked" />} {revoked === null ? null : <Time at={revoked} />}
            </td>
            <td class="actions">
              {revoked === null ? (
                <Act visit={visit} action={tenantActions.revokeToken} fields={{ tenant: visit.tenant, id }}>
                  <p>What uses it is refused within 60 seconds, everywhere. It cannot be taken back.</p>
                </Act>
              ) : null}
            </td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
