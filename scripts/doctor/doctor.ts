import { differs } from "../deploy/finding.ts";
import type { Options } from "../deploy/options.ts";
import { readBacklog } from "./backlog.ts";
import { registryFindings } from "./registry.ts";
import { loadProduct } from "../deploy/product.ts";
import type { Output, Report } from "../deploy/report.ts";
import { look, nodeFinding, openSession, type Place } from "../deploy/session.ts";

/** Compares registry, configuration and account; changes nothing. @returns Whether they agree. */
export async function doctor(place: Place, options: Options, report: Report, output: Output): Promise<boolean> {
  report.findings = nodeFinding(process.versions.node);
  if (differs(report.findings)) return false;
  // The secrets of this shell are nothing that is compared.
  const environment = Object.fromEntries(Object.entries(place.environment).filter(([name]) => name.startsWith("CLOUDFLARE_")));
  const session = await openSession({ ...place, environment }, { ...options, secretsFile: undefined });
  const view = await look(session);
  const { wanted } = view;
  const backlog = await readBacklog(session.api, wanted, view.account, Date.now());
  const findings = [...registryFindings(await loadProduct(place), wanted), ...view.findings, ...backlog.findings];
  report.notes.push(...backlog.notes);
  report.findings = findings;
  const agrees = !differs(findings);
  output.line(
    agrees
      ? `${wanted.worker}: registry, configuration and account agree.`
      : `${wanted.worker}: ${findings.filter(({ severity }) => severity !== "note").length} differences.`,
  );
  return agrees;
}
