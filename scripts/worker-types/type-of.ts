/** JSON Schema, as far as payloads use it. */
export interface Schema {
  type?: string | readonly string[];
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  allOf?: readonly Schema[];
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: boolean | Schema;
}

/** The TypeScript type of what a schema takes; `unknown` where the schema states none. */
export function typeOf(schema: Schema): string {
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ") || "never";
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return joined(either.map(typeOf), " | ");
  if (schema.allOf) return joined(schema.allOf.map(typeOf), " & ");
  if (Array.isArray(schema.type))
    return joined(
      (schema.type as string[]).map((type) => typeOf({ ...schema, type })),
      " | ",
    );
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "number":
    case "integer":
      return "number";
    case "array":
      return `readonly ${wrapped(schema.items ? typeOf(schema.items) : "unknown")}[]`;
    case "object":
      return objectType(schema);
    default:
      return "unknown";
  }
}

function objectType({ properties = {}, required = [], additionalProperties }: Schema): string {
  const fields = Object.entries(properties).map(([name, schema]) => `${JSON.stringify(name)}${required.includes(name) ? "" : "?"}: ${typeOf(schema)}`);
  const others = typeof additionalProperties === "object" ? typeOf(additionalProperties) : "unknown";
  const index = additionalProperties !== undefined && additionalProperties !== false ? [`[name: string]: ${others}`] : [];
  const all = [...fields, ...index];
  return all.length === 0 ? "{ [name: string]: unknown }" : `{ ${all.join("; ")} }`;
}

function joined(types: readonly string[], by: string): string {
  return [...new Set(types)].map((type) => (types.length > 1 ? wrapped(type) : type)).join(by);
}

function wrapped(type: string): string {
  return / [|&] /.test(type) && !type.startsWith("{") ? `(${type})` : type;
}
