import { randomUUID } from "node:crypto";
import { type FakeAnswer, refused } from "./call.ts";
import type { FakeAccount, FakeBinding, FakeScript } from "./state.ts";

interface Metadata {
  main_module: string;
  bindings: (FakeBinding & { text?: string })[];
  keep_bindings?: string[];
  migrations?: { new_tag?: string };
}

/** Uploads one version, to be deployed then. */
export function versioned(account: FakeAccount, name: string, form: FormData | undefined): FakeAnswer {
  const script = account.scripts.get(name);
  const metadata = metadataIn(form);
  if (!script) return refused(404, 10_007, "This Worker does not exist on your account.");
  if (!metadata) return refused(400, 10_021, "no metadata or no main module");
  const wrong = wrongBindings(account, metadata);
  if (wrong) return refused(400, 10_181, wrong);
  const id = randomUUID();
  script.versions.set(id, () => apply(script, metadata));
  return { result: { id, number: script.versions.size, startup_time_ms: 20, resources: { script: { etag: id } }, metadata: { has_preview: false } } };
}

/** Lets a version that was uploaded before answer all requests. */
export function deployed(account: FakeAccount, name: string, json: Record<string, unknown>): FakeAnswer {
  const script = account.scripts.get(name);
  const [version] = json["versions"] as { version_id: string; percentage: number }[];
  const take = script?.versions.get(version?.version_id ?? "");
  if (!script || !take || version?.percentage !== 100) return refused(400, 10_212, "no such version");
  take();
  script.deployments.unshift({ id: version.version_id, created_on: new Date().toISOString() });
  return { result: { id: randomUUID() } };
}

/** Uploads a script and lets it answer at once. */
export function uploaded(account: FakeAccount, name: string, form: FormData | undefined): FakeAnswer {
  const metadata = metadataIn(form);
  if (!metadata) return refused(400, 10_021, "no metadata or no main module");
  const wrong = wrongBindings(account, metadata);
  if (wrong) return refused(400, 10_181, wrong);
  const script = account.scripts.get(name) ?? account.addScript(name);
  apply(script, metadata);
  const id = randomUUID();
  script.deployments.unshift({ id, created_on: new Date().toISOString() });
  return { result: { id: name, deployment_id: id, etag: id, pipeline_hash: id, mutable_pipeline_id: id, startup_time_ms: 20, entry_point: "index.js" } };
}

function metadataIn(form: FormData | undefined): Metadata | undefined {
  const text = form?.get("metadata");
  const metadata = typeof text === "string" ? (JSON.parse(text) as Metadata) : undefined;
  return metadata && form?.has(metadata.main_module) ? metadata : undefined;
}

function apply(script: FakeScript, metadata: Metadata): void {
  const isSecret = ({ type }: FakeBinding) => type === "secret_text";
  if (!metadata.keep_bindings?.includes("secret_text")) script.secrets.clear();
  for (const binding of metadata.bindings.filter(isSecret)) script.secrets.set(binding.name, binding.text ?? "");
  const inherited = (binding: FakeBinding) => (binding.type === "inherit" ? (script.bindings.find((each) => each.name === binding.name) ?? binding) : binding);
  script.bindings = metadata.bindings.filter((each) => !isSecret(each)).map(inherited);
  script.migrationTag = metadata.migrations?.new_tag ?? script.migrationTag;
  script.uploads++;
}

function wrongBindings(account: FakeAccount, { bindings }: Metadata): string | undefined {
  return bindings.map((binding) => wrongBinding(account, binding)).find((each) => each !== undefined);
}

/** A resource that is not there is refused as the API does, and so is an id of zeros. */
function wrongBinding(account: FakeAccount, { type, name, ...binding }: FakeBinding): string | undefined {
  const id = String(binding["database_id"] ?? binding["id"] ?? binding["namespace_id"] ?? "");
  const place = typeof binding["jurisdiction"] === "string" ? binding["jurisdiction"] : "default";
  const exists: Record<string, () => boolean> = {
    d1: () => account.database(id)?.uuid === id,
    kv_namespace: () => account.namespaces.some((each) => each.id === id),
    r2_bucket: () => account.buckets.has(`${place}/${String(binding["bucket_name"])}`),
    queue: () => account.queue(String(binding["queue_name"])) !== undefined,
  };
  return exists[type]?.() === false ? `binding ${name} names no resource of this account` : undefined;
}
