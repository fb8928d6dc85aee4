import type { VNode } from "preact";
import type { PageAction, ActionFields } from "./action";
import { Again } from "./again";
import type { Me } from "./answers";
import { ApiProblem, createApi } from "./api";
import type { PageRequest } from "./page-request";
import { Document } from "./document";
import { BareFrame, Frame } from "./frame";
import type { Visit } from "./page";
import { htmlResponse, wantsFragment } from "./respond";
import { tenantsOf, viewerOf } from "./viewer";

/** The page of a refused view or action, with the reason. The script gets only the reason, and keeps the page. */
export async function refusal(pageRequest: PageRequest, visit: Visit | undefined, { status, message }: ApiProblem): Promise<Response> {
  if (wantsFragment(pageRequest.request))
    return new Response(message, { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" } });
  const viewer = await viewerIn(pageRequest, visit);
  const ways = (
    <p>
      {pageRequest.request.method === "GET" ? (
        <a class="button" href="">
          Try again
        </a>
      ) : null}{" "}
      {viewer?.may("read") ? <a href={`${viewer.base}/`}>To the first page</a> : null}
    </p>
  );
  return framed(pageRequest, viewer, { status, title: titles[status] ?? failed, message, below: ways });
}

/** The result of a form that was sent without the script, and the form as it was filled in. */
export async function sentAgain(
  pageRequest: PageRequest,
  action: PageAction,
  fields: ActionFields,
  { status, text }: { status: number; text: string },
): Promise<Response> {
  const form = <Again action={action} fields={fields} base={`/t/${pageRequest.tenant}`} />;
  const title = status < 400 ? action.label : (titles[status] ?? failed);
  return framed(pageRequest, await viewerIn(pageRequest, undefined), { status, title, message: text, below: form });
}

/** The refusal of a form from another site. Nothing is read for it, not even the session. */
export function foreignForm(request: Request): Response {
  const message = "This form was not sent from a page of Jobyard.";
  if (wantsFragment(request)) return new Response(message, { status: 403 });
  return documentOf(new URL(request.url), undefined, [], { status: 403, title: "Not allowed", message, below: <a href="/">To the first page</a> });
}

const failed = "That did not work";
const titles: Readonly<Record<number, string>> = { 403: "Not allowed", 404: "Not found" };

interface RefusalNotice {
  status: number;
  title: string;
  message: string;
  below: VNode;
}

async function framed(pageRequest: PageRequest, viewer: Visit | undefined, notice: RefusalNotice): Promise<Response> {
  return documentOf(new URL(pageRequest.request.url), viewer, viewer ? await namesFor(viewer) : [], notice);
}

/** Without the tenants' names the frame is still shown. */
async function namesFor(viewer: Visit): Promise<string[]> {
  try {
    return await tenantsOf(viewer);
  } catch (thrown) {
    if (!(thrown instanceof ApiProblem)) throw thrown;
    return [];
  }
}

function documentOf(url: URL, viewer: Visit | undefined, tenants: readonly string[], { status, title, message, below }: RefusalNotice): Response {
  return htmlResponse(
    url,
    <Document title={title} header={viewer ? <Frame visit={viewer} section="" tenants={tenants} /> : <BareFrame />}>
      <main id="main" tabIndex={-1} class="reading" data-pace="never">
        <h1>{title}</h1>
        <p role={status < 400 ? "status" : "alert"}>{message}</p>
        {below}
      </main>
    </Document>,
    { status },
  );
}

/** The viewer; for an address that is not the viewer's, with the viewer's own tenant. Undefined when that is unknown too. */
async function viewerIn(pageRequest: PageRequest, visit: Visit | undefined): Promise<Visit | undefined> {
  if (visit) return visit;
  try {
    return await viewerOf(pageRequest);
  } catch (thrown) {
    if (!(thrown instanceof ApiProblem)) throw thrown;
  }
  try {
    const { tenant } = await createApi(pageRequest.deps.answer, pageRequest.request, { token: pageRequest.token, tenant: null }).get<Me>("/v1/me");
    return await viewerOf({ ...pageRequest, tenant: tenant ?? "*" });
  } catch (thrown) {
    if (!(thrown instanceof ApiProblem)) throw thrown;
    return undefined;
  }
}
