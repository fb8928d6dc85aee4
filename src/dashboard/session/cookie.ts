/** Keeps the token out of the reach of scripts: encrypted, in a cookie that the browser sends only to this host. */
export type Sessions = ReturnType<typeof createSessions>;

export interface SessionDeps {
  vault: {
    seal(tenant: string, name: string, text: string): Promise<string>;
    open(tenant: string, name: string, sealed: string): Promise<{ ok: true; text: string } | { ok: false }>;
  };
  /** Milliseconds. */
  now(): number;
}

const maxAgeSeconds = 12 * 3600;
/** No tenant has this name. */
const whose = "*";

export function createSessions({ vault, now }: SessionDeps) {
  return {
    /** The `Set-Cookie` value. */
    async start(token: string, url: URL): Promise<string> {
      const until = now() + maxAgeSeconds * 1000;
      const sealed = await vault.seal(whose, "session", JSON.stringify({ token, until }));
      return setCookie(url, sessionName(url), sealed, maxAgeSeconds);
    },
    /** Undefined when there is no cookie, or it has expired. */
    async read(request: Request): Promise<string | undefined> {
      const sealed = cookieOf(request, sessionName(new URL(request.url)));
      if (sealed === undefined) return undefined;
      const opened = await vault.open(whose, "session", sealed);
      if (!opened.ok) return undefined;
      const { token, until } = JSON.parse(opened.text) as { token: string; until: number };
      return until > now() ? token : undefined;
    },
    end: (url: URL): string => setCookie(url, sessionName(url), "", 0),
  };
}

/** The notice of an action, for the next page. */
export function setNotice(url: URL, text: string): string {
  return setCookie(url, noticeName, encodeURIComponent(text.slice(0, 500).toWellFormed()), text === "" ? 0 : 30);
}

export function noticeOf(request: Request): string | undefined {
  const text = cookieOf(request, noticeName);
  if (!text) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const noticeName = "jobyard-notice";

/** The prefix `__Host-` needs `Secure`, which not every browser accepts over plain HTTP on a developer's machine. */
function sessionName(url: URL): string {
  return isLocal(url) ? "jobyard" : "__Host-jobyard";
}

function isLocal({ protocol, hostname }: URL): boolean {
  return protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

function setCookie(url: URL, name: string, value: string, seconds: number): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${isLocal(url) ? "" : "; Secure"}`;
}

function cookieOf(request: Request, name: string): string | undefined {
  const all = (request.headers.get("cookie") ?? "").split(/; */);
  return all.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) || undefined;
}
