import type { Sites, Types } from "../answers";

interface Known {
  types: Types["types"];
  sites: Sites["sites"];
}

/** Queues that no type names. */
const typeless = ["overflow", "dead-letters", "media-uploads"];

/** Says of a filter that finds nothing which name in it nothing bears: a typo must not read as "none". */
export function unknownIn({ type, queue, siteId }: { type?: string; queue?: string; siteId?: string }, { types, sites }: Known): string | undefined {
  if (type !== undefined && !types.some((each) => each.type === type || each.aliases.includes(type))) return `There is no type ${type}.`;
  if (queue !== undefined && !typeless.includes(queue) && !types.some(({ queues }) => queues.includes(queue))) return `There is no queue ${queue}.`;
  if (siteId !== undefined && !sites.some(({ site }) => site === siteId)) return `There is no site ${siteId}.`;
  return undefined;
}
