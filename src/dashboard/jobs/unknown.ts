import type { Sites, Types } from "../answers";

interface Known {
  types: Types["types"];
  sites: Sites["sites"];
}

/** Queues that no type uses. */
const typeless = ["overflow", "dead-letters", "media-uploads"];

/** For a filter without results, the name in it that does not exist, so that a typing error does not look like an empty list. */
export function unknownIn({ type, queue, siteId }: { type?: string; queue?: string; siteId?: string }, { types, sites }: Known): string | undefined {
  if (type !== undefined && !types.some((each) => each.type === type || each.aliases.includes(type))) return `There is no type ${type}.`;
  if (queue !== undefined && !typeless.includes(queue) && !types.some(({ queues }) => queues.includes(queue))) return `There is no queue ${queue}.`;
  if (siteId !== undefined && !sites.some(({ site }) => site === siteId)) return `There is no site ${siteId}.`;
  return undefined;
}
