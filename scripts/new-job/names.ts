/** What a new job is called in its folder, its type and its code. */
export interface Names {
  /** `sync-orders`: type and folder. */
  type: string;
  /** `syncOrders`: the contract. */
  contract: string;
  /** `runSyncOrders`: the behaviour. */
  run: string;
}

/** Words that cannot name the contract, or that the generated files use themselves. */
const taken = new Set(
  `await break case catch class const continue debugger default delete do else enum export extends false finally for function if
  implements import in interface let new null package private protected public return static super switch this throw true try typeof
  var void while with yield arguments async eval undefined job jobs done payload context workJob describe expect it v`.split(/\s+/),
);

/** The names for a type, or what is wrong with it. */
export function namesOf(type: string | undefined): Names | { wrong: string } {
  if (!type) return { wrong: "Name the job: npm run new-job NAME [QUEUE], as in npm run new-job publish-post deliveries." };
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(type) || type.length > 63) {
    return { wrong: `"${type.slice(0, 100)}" cannot name a job: use small letters and digits, in words joined by single hyphens, at most 63 characters.` };
  }
  if (type === "index") return { wrong: '"index" cannot name a job: src/jobs/index.ts is the list.' };
  const pascal = type.replace(/(?:^|-)(.)/g, (_match, first: string) => first.toUpperCase());
  const camel = pascal.charAt(0).toLowerCase() + pascal.slice(1);
  const needsMore = taken.has(camel) || /^\d/.test(camel);
  return { type, contract: needsMore ? `job${pascal}` : camel, run: `run${pascal}` };
}
