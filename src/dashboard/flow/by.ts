/** The actor: the token's name, where it is known, else its id. */
export function byOf({ actor, actorName }: { actor: string | null; actorName: string | null }): string {
  return actorName ?? actor ?? "unknown";
}
