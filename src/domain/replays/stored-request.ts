/** What a request for many jobs names. */
interface Selecting {
  filter?: object | undefined;
  ids?: readonly string[] | undefined;
}

/**
 * The request as it is stored. A filter with a parent gets an empty list of ids: for it an earlier release, which would ignore the parent and act on more
 * jobs, acts on none.
 */
export function toStoredRequest<Request extends Selecting>(request: Request): Request {
  return hasParent(request) ? { ...request, ids: [] } : request;
}

export function requestFromStored<Request extends Selecting>(stored: Request): Request {
  return hasParent(stored) ? { ...stored, ids: undefined } : stored;
}

function hasParent({ filter }: Selecting): boolean {
  return filter !== undefined && "parent" in filter && filter.parent !== undefined;
}
