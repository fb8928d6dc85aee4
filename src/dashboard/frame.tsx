import type { Visit } from "./page";

interface Section {
  name: string;
  path: string;
  /** The key that is pressed after `g`. */
  key: string;
  /** Shown on pages of one tenant, or of all tenants. Default: both. */
  tenants?: "one" | "all";
}

/** The navigation; what operators need at night comes first. */
const sections: readonly Section[] = [
  { name: "Now", path: "/", key: "n" },
  { name: "Jobs", path: "/jobs", key: "j" },
  { name: "Failures", path: "/failures", key: "f" },
  { name: "Replays", path: "/replays", key: "r" },
  { name: "Flow", path: "/flow", key: "q" },
  { name: "Schedules", path: "/schedules", key: "s" },
  { name: "Sites", path: "/sites", key: "i" },
  { name: "Campaigns", path: "/campaigns", key: "c" },
  { name: "Agents", path: "/agents", key: "a" },
  { name: "Workers", path: "/workers", key: "w" },
  { name: "Costs", path: "/costs", key: "o" },
  { name: "Alerts", path: "/alerts", key: "l", tenants: "one" },
  { name: "Settings", path: "/settings", key: "e", tenants: "one" },
  { name: "Tenants", path: "/tenants", key: "t", tenants: "all" },
  { name: "System", path: "/system", key: "y" },
];

/** Number of links on a phone, and in a window that is not wide; the others are in the menu "More". */
const [onPhone, onDesk] = [3, 8];

/** The header of each page: tenant, navigation, and age of the page. */
export function Frame({ visit, section, tenants }: { visit: Visit; section: string; tenants: readonly string[] }) {
  return (
    <header id="top">
      <Brand href={`${visit.base}/`} />
      <Whose visit={visit} section={section} tenants={tenants} />
      {visit.may("read") ? <Places visit={visit} section={section} /> : null}
      <button id="live" type="button" class="quiet" hidden title="Pause or go on (p)" />
      <SignOut />
    </header>
  );
}

/** The header for a viewer without a tenant. */
export function BareFrame() {
  return (
    <header id="top">
      <Brand href="/" />
      <SignOut />
    </header>
  );
}

function Brand({ href }: { href: string }) {
  return (
    <a class="brand" href={href}>
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M4 9h24v5H4zM4 18h15v5H4z" />
        <circle cx="25" cy="20.5" r="3.5" />
      </svg>
      Jobyard
    </a>
  );
}

function SignOut() {
  return (
    <form method="post" action="/session/end" data-plain>
      <button class="quiet">Sign out</button>
    </form>
  );
}

/** The navigation's links; none for a token without the scope `read`, to which each page is refused. */
function Places({ visit, section }: { visit: Visit; section: string }) {
  return (
    <nav id="nav" aria-label="Main">
      {sectionsOf(visit).map((each, index) => (
        <Place key={each.name} visit={visit} section={each} current={each.name === section} place={placeAt(index)} />
      ))}
      <button type="button" class="more" popovertarget="more">
        More
      </button>
      <div id="more" popover="auto">
        {sectionsOf(visit)
          .slice(onPhone)
          .map((each, index) => (
            <Place key={each.name} visit={visit} section={each} current={each.name === section} place={index + onPhone < onDesk ? "near" : undefined} />
          ))}
      </div>
    </nav>
  );
}

function sectionsOf({ tenant }: Visit): Section[] {
  return sections.filter(({ tenants }) => tenants === undefined || tenants === (tenant === "*" ? "all" : "one"));
}

/** The class that hides a link in narrower windows. */
function placeAt(index: number): string | undefined {
  if (index < onPhone) return undefined;
  return index < onDesk ? "wide" : "wide far";
}

interface PlaceProps {
  visit: Visit;
  section: Section;
  current: boolean;
  place: string | undefined;
}

function Place({ visit, section, current, place }: PlaceProps) {
  return (
    <a href={visit.base + section.path} class={place} data-key={section.key} {...(current ? { "aria-current": "page" } : {})}>
      {section.name}
    </a>
  );
}

/** The page that another tenant has too; for the page of one row, the page of its list. */
function samePage({ url, base, params }: Visit, section: string): string {
  const { path = "/", tenants } = sections.find(({ name }) => name === section) ?? {};
  if (tenants === "all") return "/";
  const query = new URLSearchParams(url.searchParams);
  if (Object.keys(params).some((name) => name !== "queue") || query.has("verb")) return path;
  query.delete("cursor");
  return `${url.pathname.slice(base.length)}${query.size === 0 ? "" : `?${query}`}`;
}

/** The tenant's name; for the root token a switcher, which keeps the page. */
function Whose({ visit, section, tenants }: { visit: Visit; section: string; tenants: readonly string[] }) {
  if (!visit.isRoot) return <b class="whose">{visit.tenant}</b>;
  return (
    <form action="/go" class="whose">
      <label class="unseen" for="tenant">
        Tenant
      </label>
      <input id="tenant" name="tenant" list="tenants" value={visit.tenant} size={14} autocomplete="off" title="* shows all tenants" />
      <datalist id="tenants">
        <option value="*">all tenants</option>
        {tenants.map((tenant) => (
          <option key={tenant} value={tenant} />
        ))}
      </datalist>
      <input type="hidden" name="page" value={samePage(visit, section)} />
      <button class="quiet">Go</button>
    </form>
  );
}
