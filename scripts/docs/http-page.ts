/** docs/http.md: every call of the HTTP interface, from its OpenAPI document. `npm run docs:http` writes the page. */

interface Schema {
  $ref?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

interface Operation {
  summary: string;
  description?: string;
  tags: string[];
  "x-scope": string;
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }>; $ref?: string }>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
  tags?: { name: string; description?: string }[];
}

const opening = `# HTTP interface

\`npm run docs:http\` writes this page from the routes; do not edit it by hand. \`GET /openapi.json\` has every field with its type and bounds.

- **Format.** JSON under \`/v1\`. Errors are \`application/problem+json\` (RFC 9457): \`detail\` says what is wrong, \`errors[]\` lists each issue with its path.
- **Authorization.** Send \`Authorization: Bearer <token>\`. The scopes are \`enqueue\`, \`read\`, \`leads\`, \`operate\`, \`work\` and \`admin\`; \`admin\` includes the others. A tenant's token acts for its tenant. The root token names a tenant in the header \`Jobyard-Tenant\`. Calls of scope \`public\` need no token, those of scope \`token\` a token of any scope.
- **Limits.** A body may have 1 MB, a batch 10 MB (else 413). Unknown fields and query parameters are 422, malformed JSON is 400. A used-up quota or a full queue is 429 with \`Retry-After\`.
- **Lists** take \`limit\` (1 to 200, 50 when left out) and \`cursor\`, which is the \`cursor\` of the answer before. A \`cursor\` of null means the end.

In the tables \`?\` marks what may be left out. A call without a listed body takes none. Refusals that every call knows (400, 401, 403, 404, 405, 413, 415, 422, 500, 503) are not repeated.
`;

/** The page as Markdown; operations in the order of the document, a table for each tag. */
export function httpPage(document: Document): string {
  const sections = new Map<string, string[]>();
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags[0] ?? "system";
      sections.set(tag, [...(sections.get(tag) ?? []), row(document, `${method.toUpperCase()} ${path}`, operation)]);
    }
  }
  const head = "| call | scope | does | query | body | answers |\n|---|---|---|---|---|---|";
  return [opening, ...[...sections].map(([tag, rows]) => `## ${tag}\n\n${head}\n${rows.join("\n")}\n`)].join("\n");
}

/** The scope has a column of its own. */
const scopeSentence = /Needs (?:no token|a token of any scope|the root token|the scope `\w+`(?:, or `admin`)?)\./;
const maxFields = 12;

function row(document: Document, call: string, operation: Operation): string {
  const text = [operation.summary, (operation.description ?? "").replace(scopeSentence, "")].map((each) => sentence(each.trim())).filter((each) => each !== "");
  const cells = [`\`${call}\``, operation["x-scope"], text.join(" "), queryOf(operation), bodyOf(document, operation), answersOf(document, operation)];
  return `| ${cells.map((cell) => linked(cell).replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}

function sentence(text: string): string {
  return text === "" || /[.!?]$/.test(text) ? text : `${text}.`;
}

/** `docs/mail.md#providers` as a link; this page lies in docs/ itself. */
function linked(text: string): string {
  return text.replaceAll(/\bdocs\/([\w-]+\.md(?:#[\w-]+)?)/g, "[docs/$1]($1)");
}

function queryOf({ parameters = [] }: Operation): string {
  return names(parameters.filter((each) => each.in === "query").map(({ name, required }) => (required ? name : `${name}?`)));
}

function bodyOf(document: Document, { requestBody }: Operation): string {
  const content = Object.entries(requestBody?.content ?? {});
  const [type, { schema } = { schema: {} }] = content[0] ?? [""];
  const fields = names(fieldsOf(document, schema));
  const media = content.map(([each]) => `\`${each}\``).join(", ");
  return type === "" ? "" : fields || media;
}

function answersOf(document: Document, { responses }: Operation): string {
  const usual = new Set(["400", "401", "403", "404", "405", "413", "415", "422", "500", "503"]);
  const answers = Object.entries(responses).filter(([status]) => !usual.has(status));
  return answers.map(([status, { content }]) => `${status}${contentOf(document, content)}`).join(" · ");
}

function contentOf(document: Document, content: Operation["responses"][string]["content"]): string {
  const [type, { schema } = { schema: {} }] = Object.entries(content ?? {})[0] ?? [""];
  if (type === "" || type === "application/problem+json") return "";
  const fields = fieldsOf(document, schema).map((each) => each.replace(/\?$/, ""));
  const more = fields.length > maxFields ? ", …" : "";
  return ` ${names(fields.slice(0, maxFields)) || `\`${type}\``}${more}`;
}

/** Names of the outermost fields; of alternatives, those of each. Optional ones end in a question mark. */
function fieldsOf(document: Document, schema: Schema): string[] {
  const known = schema.$ref ? (document.components.schemas[schema.$ref.replace("#/components/schemas/", "")] ?? {}) : schema;
  const own = Object.keys(known.properties ?? {}).map((name) => (known.required?.includes(name) ? name : `${name}?`));
  const others = [...(known.oneOf ?? []), ...(known.anyOf ?? []), ...(known.allOf ?? [])].flatMap((each) => fieldsOf(document, each));
  const found = [...new Set([...own, ...others])];
  return found.filter((name) => !(name.endsWith("?") && found.includes(name.slice(0, -1))));
}

function names(list: readonly string[]): string {
  return list.map((name) => `\`${name}\``).join(", ");
}
