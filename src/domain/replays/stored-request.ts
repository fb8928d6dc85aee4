/** What a request for many jobs names. */
interface Selecting {
  filter?: object | undefined;
  ids?: readonly string[] | undefined;
}

/**
 * The request as it is stored. A filter with a parent gets an empty list of ids: an earlier release would ignore the parent and act on more jobs; for the
 * empty list it acts on none.
 */
export function toStored<Request extends Selecting>(request: Request): Request {
  return hasParent(request) ? { ...request, ids: [] } : request;
}

export function requestFrom<Request extends Selecting>(stored: Request): Request {
  return hasParent(stored) ? { ...stored, ids: undefined } : stored;
}

function hasParent({ filter }: Selecting): boolean {
  return filter !== undefined && "parent" in filter && filter.parent !== undefined;
}
