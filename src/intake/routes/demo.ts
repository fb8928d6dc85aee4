import { Problem } from "../../errors";
import { demoPage } from "../leads/demo-page";
import { galleryPage } from "../media/gallery-page";
import { route } from "../route";

/** The path of the demo on a developer's machine. */
const tenant = "demo";
const project = "demo";

export const demoRoutes = [
  route("GET /demo/lead", {
    name: "demoForm",
    summary: "A form to try, on a developer's machine only",
    scope: "public",
    tenant: "none",
    answers: { 200: "text/html" },
    problems: [404],
    handle: async ({ deps }) => {
      const lookup = deps.leads.local ? await deps.snapshots.read(tenant, deps.now()) : undefined;
      const found = lookup?.state === "known" ? lookup.snapshot.sections.projects?.[project] : undefined;
      if (!found) throw noDemo();
      return { status: 200, ...demoPage(`/v1/leads/${tenant}/${project}`, found) };
    },
  }),
  route("GET /demo/pictures", {
    name: "demoPictures",
    summary: "Uploads with their variants and alt texts, on a developer's machine only",
    scope: "public",
    tenant: "none",
    answers: { 200: "text/html" },
    problems: [404],
    handle: async ({ deps }) => {
      if (!deps.leads.local) throw noDemo();
      return { status: 200, ...galleryPage(tenant) };
    },
  }),
];

function noDemo(): Problem {
  return new Problem("not-found", "There is no such route; GET /v1 lists them.");
}
