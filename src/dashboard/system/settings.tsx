import type { Access, Heartbeat } from "../answers";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { Fact } from "../parts/fact";
import { State } from "../parts/state";
import { Empty, Section, Table } from "../parts/table";
import { Time } from "../parts/time";
import { systemActions } from "./actions";
import { rolesText } from "./roles";
import { Field } from "../parts/field";

/** The heartbeat address, and the result of its newest call. */
export function HeartbeatPart({ visit, heartbeat }: { visit: Visit; heartbeat: Heartbeat | null }) {
  return (
    <Section title="Heartbeat" aside={<HeartbeatActs visit={visit} isSet={heartbeat !== null} />}>
      {heartbeat === null ? (
        <Empty>No address is set. One that each tick without a failing step calls lets another service notice that this installation has stopped.</Empty>
      ) : (
        <dl class="facts">
          <Fact name="Host" value={heartbeat.host} />
          <Fact name="Set" value={<Time at={heartbeat.updated} />} />
          <Fact name="Last call" value={<LastCall last={heartbeat.last} />} />
        </dl>
      )}
    </Section>
  );
}

function LastCall({ last }: Pick<Heartbeat, "last">) {
  if (last === null) return <>none yet</>;
  return (
    <>
      <State is={last.ok ? "done" : "failed"} word={last.ok ? "answered" : "failed"} /> <Time at={last.at} />
      {last.reason === null ? null : `: ${last.reason}`}
    </>
  );
}

function HeartbeatActs({ visit, isSet }: { visit: Visit; isSet: boolean }) {
  return (
    <span class="remedies">
      <Act visit={visit} action={systemActions.putHeartbeat} label={isSet ? "Change" : "Set an address"} fields={{}}>
        <Field
          label="An https address, called by GET once a minute; it is not shown again"
          name="url"
          type="url"
          required
          maxLength={2048}
          autocomplete="off"
        />
      </Act>
      {isSet ? (
        <Act visit={visit} action={systemActions.removeHeartbeat} fields={{}}>
          <p>The service behind the address will report this installation as dead.</p>
        </Act>
      ) : null}
    </span>
  );
}

/** The roles of people who sign in by Cloudflare Access. */
export function AccessPart({ visit, access }: { visit: Visit; access: Access | null }) {
  return (
    <Section title="Sign-in by Cloudflare Access" aside={<AccessActs visit={visit} access={access} />}>
      {access === null ? (
        <Empty>Cloudflare Access is not set up: only tokens open these pages.</Empty>
      ) : (
        <>
          <dl class="facts">
            <Fact name="Team" value={access.teamDomain} />
            <Fact name="Audience" value={<code>{access.audience}</code>} />
            <Fact name="Set" value={<Time at={access.updated} />} />
          </dl>
          <Table
            label="Roles"
            rows={access.roles}
            id={(_, index) => `role-${index}`}
            columns={[
              ["Who", ({ email, group }) => email ?? `group ${group ?? ""}`, "words"],
              ["Tenant", ({ tenant }) => (tenant === "*" ? "all tenants" : tenant)],
              ["Scopes", ({ scopes }) => scopes?.join(", ") ?? "as the root token", "words"],
            ]}
          />
        </>
      )}
    </Section>
  );
}

function AccessActs({ visit, access }: { visit: Visit; access: Access | null }) {
  return (
    <span class="remedies">
      <Act visit={visit} action={systemActions.putAccess} label={access === null ? "Set up" : "Change"} fields={{}}>
        <Field label="Team, such as acme.cloudflareaccess.com" name="teamDomain" required maxLength={253} value={access?.teamDomain} autocomplete="off" />
        <Field
          label="Audience (AUD tag) of the application, 64 hexadecimal digits"
          name="audience"
          required
          pattern="[0-9a-f]{64}"
          maxLength={64}
          value={access?.audience}
          autocomplete="off"
        />
        <label>
          Roles, one a line: who, tenant, scopes. The first that fits counts. A group whose name has a comma stands in quotes
          <textarea
            name="roles"
            required
            maxLength={60_000}
            spellcheck={false}
            placeholder={"ada@example.com, acme, read operate\ngroup:Night shift, acme, read\nroot@example.com, *"}
            value={access === null ? undefined : rolesText(access.roles)}
          />
        </label>
      </Act>
      {access === null ? null : (
        <Act visit={visit} action={systemActions.removeAccess} fields={{}}>
          <p>People who came in by Cloudflare Access need a token then.</p>
        </Act>
      )}
    </span>
  );
}
