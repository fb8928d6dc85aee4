/** The replies of the sandbox's model as an agent: its tool calls and answers follow from the conversation alone. */

interface Conversation {
  messages: { role?: unknown; content?: unknown }[];
  /** Names of the tools it may call. */
  tools: readonly string[];
  /** The name of the schema that the answer shall fit. */
  format: string | undefined;
}

export type AgentReply = { tool: string; input: unknown } | { answer: unknown };

/** Undefined: the sandbox has no answers for this agent. */
export function agentReply({ messages, tools, format }: Conversation): AgentReply | undefined {
  const data = json(messages.find(({ role }) => role === "user")?.content);
  const turns = messages.filter(({ role }) => role === "assistant").length;
  if (format === "content_management") return describe(data, tools, turns);
  return format === "sync_doctor" ? diagnose(data) : undefined;
}

interface Product {
  productId: number;
  name: string;
}

/** Looks at the first product's pictures once, then writes. */
function describe({ products = [] }: { products?: Product[] }, tools: readonly string[], turns: number): AgentReply {
  const [first] = products;
  if (turns === 0 && first && tools.includes("read_alt_texts")) return { tool: "read_alt_texts", input: { productId: first.productId } };
  const texts = products.map(({ productId, name }) => ({
    productId,
    description: `${name}: made to be used every day, and pleasant to look at.`,
    metaTitle: name.slice(0, 60),
    metaDescription: `${name} from our shop.`.slice(0, 150),
  }));
  return { answer: { texts } };
}

interface Failed {
  id: string;
  state: string;
  reason: string;
}

/** Proposes to run again what ended, unless a key or a permission is what is missing. */
function diagnose({ jobs = [] }: { jobs?: Failed[] }): AgentReply {
  const ended = jobs.filter(({ state }) => state === "dead" || state === "discarded");
  const needsPerson = jobs.some(({ reason }) => /key|permission|401|403/i.test(reason));
  const action = ended.length > 0 && !needsPerson ? "retry" : "none";
  return {
    answer: {
      cause: (jobs[0]?.reason ?? "Nothing fails.").slice(0, 300),
      explanation: `${jobs.length} jobs of synchronisation failed or wait.`,
      action,
      jobIds: action === "retry" ? ended.slice(0, 50).map(({ id }) => id) : [],
    },
  };
}

function json(content: unknown): Record<string, never[]> {
  try {
    return JSON.parse(String(content)) as Record<string, never[]>;
  } catch {
    return {};
  }
}
