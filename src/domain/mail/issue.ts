import { messageOf } from "../../errors";
import { LiquidError, ParseError, TokenizationError, UndefinedVariableError } from "liquidjs";
import { NoPrintableValue } from "./print";

/** A bound was exceeded. The message contains nothing of template or variables. */
export class BoundPassed extends Error {}

/** Why a source is invalid Liquid, for its author: it may quote the template. At most 200 characters. */
export function parseIssue(thrown: unknown): string {
  return `${position(thrown)}${messageOf(thrown).replace(/, line:\d+, col:\d+$/, "")}`.slice(0, 200);
}

/** Why rendering failed, for operators: position and variable as the template spells it, never a value. */
export function renderIssue(thrown: unknown, source: string): string {
  const origin = LiquidError.is(thrown) ? (thrown.originalError ?? thrown) : thrown;
  if (origin instanceof BoundPassed) return origin.message;
  return `${position(thrown)}${cause(thrown, origin, source)}`;
}

function cause(thrown: unknown, origin: unknown, source: string): string {
  if (thrown instanceof UndefinedVariableError) return `the variable ${pathText(thrown, origin, source)} is not given`;
  if (thrown instanceof ParseError || thrown instanceof TokenizationError) return "is not valid Liquid";
  if (origin instanceof NoPrintableValue && LiquidError.is(thrown)) return `${excerpt(thrown.token.getText())} has no value that can be printed`;
  return "cannot be rendered";
}

/** A path may contain data (`order[customer.mail]`): it is shown only as the template spells it. */
function pathText(thrown: UndefinedVariableError, origin: unknown, source: string): string {
  const name = (origin as { variableName?: string }).variableName ?? /^undefined variable: (.{1,300}?)(?:, line:|$)/s.exec(thrown.message)?.[1];
  // A long name is not searched: the search may take the product of both lengths.
  return name !== undefined && name.length <= 100 && source.includes(name) ? `"${name}"` : `"${excerpt(thrown.token.getText())}"`;
}

function excerpt(token: string): string {
  return token.replaceAll(/\s+/g, " ").slice(0, 100);
}

function position(thrown: unknown): string {
  if (!LiquidError.is(thrown)) return "";
  const [line, column] = thrown.token.getPosition();
  return `line ${line}, column ${column}: `;
}
