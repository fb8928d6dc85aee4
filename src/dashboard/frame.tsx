import type { Visit } from "./page";

interface Section {
  name: string;
  path: string;
  /** Pressed after `g`. */
  key: string;
  /** Where it is shown: on pages of one tenant, or of all. Default: both. */
  tenants?: "one" | "all";
}

/** The navigation, in the order of what a night needs. */
const sections: readonly Section[] = [
  { name: "Now", path: "/", key: "n" },
  { name: "Jobs", path: "/jobs", key: "j" },
  { name: "Failures", path: "/failures", key: "f" },
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

/** Of so many a phone shows links, and a window that is not wide; the others stand in a list behind "More". */
const [onPhone, onDesk] = [3, 8];

/** What stands above each page: whose pages these are, where one is, and whether what one sees is fresh. */
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

/** Where it is not known whose pages these are. */
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

/** The links: none for a token that may not read, to which each page is refused. */
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

/** From how wide a window on a link stands in the bar. */
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

/** The page that another tenant has as well: one about a job or another row of this tenant gives way to its list. */
function samePage({ url, base, params }: Visit, section: string): string {
  const { path = "/", tenants } = sections.find(({ name }) => name === section) ?? {};
  if (tenants === "all") return "/";
  const query = new URLSearchParams(url.searchParams);
  if (Object.keys(params).some((name) => name !== "queue") || query.has("verb")) return path;
  query.delete("cursor");
  return `${url.pathname.slice(base.length)}${query.size === 0 ? "" : `?${query}`}`;
}

/** The tenant. The root token may go to another one, and stays on the page. */
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
