import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import type { Place } from "./session.ts";

export interface Contract {
  type: string;
  aliases: readonly string[];
  version: number;
  queues: readonly string[];
}

export interface Issue {
  path: string;
  message: string;
}

/** The registry of this checkout, as far as a deploy asks it. */
export interface Product {
  contracts: readonly Contract[];
  queues: Readonly<Record<string, { binding: string; batchSize: number; batchTimeout: number }>>;
  /** What keeps a payload of that version from running, with paths and rules alone; nothing when it fits. */
  issuesOf(type: string, version: number, payload: unknown): Issue[];
}

interface Loaded {
  jobs: readonly { contract: Contract & { upgrade?: unknown } }[];
  queues: Product["queues"];
  createRegistry(jobs: Loaded["jobs"]): { find(type: string): Loaded["jobs"][number] | undefined };
  readable(contract: Contract, version: number): boolean;
  upgraded(contract: Contract, payload: unknown, version: number): unknown;
  checkPayload(contract: Contract, payload: unknown): { ok: true } | { ok: false; issues: Issue[] };
}

const loading = new Map<string, Promise<Product>>();

/** The registry of a checkout, read once per process. */
export function loadProduct(place: Pick<Place, "root" | "folder">): Promise<Product> {
  const known = loading.get(place.root) ?? load(place);
  loading.set(place.root, known);
  return known;
}

/** The sources are the Worker's: they are bundled first, since Node resolves imports otherwise. */
async function load({ root, folder }: Pick<Place, "root" | "folder">): Promise<Product> {
  const name = "virtual:product";
  const sources = ["jobs/index", "jobs/queues", "queue/registry"].map((file) => `export * from ${JSON.stringify(join(root, "src", `${file}.ts`))};`).join("\n");
  const entry = { name: "product", resolveId: (id: string) => (id === name ? id : null), load: (id: string) => (id === name ? sources : null) };
  const bundle = await rolldown({ input: name, platform: "node", external: /^(?:node|cloudflare):/, plugins: [entry], logLevel: "silent", cwd: root });
  const file = join(folder, `product-${process.pid}.mjs`);
  mkdirSync(folder, { recursive: true });
  await bundle.write({ file, format: "esm" });
  await bundle.close();
  const loaded = (await import(pathToFileURL(file).href)) as Loaded;
  rmSync(file, { force: true });
  return productOf(loaded);
}

function productOf({ jobs, queues, createRegistry, readable, upgraded, checkPayload }: Loaded): Product {
  const registry = createRegistry(jobs);
  return {
    contracts: jobs.map(({ contract }) => contract),
    queues,
    issuesOf: (type, version, payload) => {
      const contract = registry.find(type)?.contract;
      if (!contract) return [{ path: "type", message: "is no type or alias any more" }];
      if (!readable(contract, version)) return [{ path: "version", message: `${version} cannot be read: the contract has ${contract.version} and no upgrade` }];
      const current = attempt(() => upgraded(contract, payload, version));
      if (current === undefined) return [{ path: "payload", message: `of version ${version} cannot be brought to version ${contract.version}` }];
      const checked = checkPayload(contract, current.value);
      return checked.ok ? [] : checked.issues;
    },
  };
}

/** What an upgrade throws may hold what is personal, so nothing of it is kept. */
function attempt<T>(act: () => T): { value: T } | undefined {
  try {
    return { value: act() };
  } catch {
    return undefined;
  }
}
