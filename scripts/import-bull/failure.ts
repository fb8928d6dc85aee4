/** Ends the command with a sentence for its user: 1 something needs a person; 2 wrong usage, 3 not permitted, 4 Redis or the product does not answer or ended the import midway. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: 1 | 2 | 3 | 4;

  constructor(code: 1 | 2 | 3 | 4, message: string) {
    super(message);
    this.code = code;
  }
}

export function interrupted(): Failure {
  return new Failure(4, "Interrupted. Run the same command again; nothing is lost or taken twice.");
}
