import { accessSync, constants, globSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A part of the tests that a machine may not be able to run. */
export interface Part {
  name: string;
  program: string;
  folders: readonly string[];
  /** Where the program is looked for: paths, or names on the PATH. */
  places: readonly string[];
  /** The variable that holds its path for the tests. */
  variable: string;
}

export const parts: readonly Part[] = [
  {
    name: "dashboard in a browser",
    program: "Chromium",
    folders: ["test/browser"],
    places: ["/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    variable: "CHROMIUM_PATH",
  },
  { name: "work with Redis", program: "redis-server", folders: ["test/redis", "test/long/redis"], places: ["redis-server"], variable: "REDIS_SERVER_PATH" },
];

/** Where the part's program is: the path in its variable, else the first place that has it. */
export function findProgram(part: Part, environment: NodeJS.ProcessEnv): string | null {
  const configured = environment[part.variable];
  const folders = (environment["PATH"] ?? "").split(delimiter).filter(Boolean);
  const candidates = configured
    ? [configured]
    : part.places.flatMap((place) => (place.startsWith("/") ? [place] : folders.map((folder) => join(folder, place))));
  return candidates.find(isProgram) ?? null;
}

/** Whether the part has any tests yet. */
export function hasTests(root: string, part: Part): boolean {
  return part.folders.some((folder) => globSync(`${folder}/**/*.test.ts`, { cwd: root }).length > 0);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
