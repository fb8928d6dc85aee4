import type { TemplateContent, Templates, TemplateSummary } from "./model";

const greeting = "Hello{% if firstName %} {{ firstName }}{% elsif name %} {{ name }}{% endif %},";

/** The default sender. */
export const builtInFrom = "Jobyard <no-reply@jobyard.invalid>";

/** Templates by id, until the tenant has its own of that id. */
const contents: Record<string, TemplateContent> = {
  welcome: {
    subject: "Thank you for your interest{% if project %} in {{ project }}{% endif %}",
    html: `<p>${greeting}</p><p>thank you for your message. We have it and will get back to you shortly.</p>`,
    text: `${greeting}\n\nthank you for your message. We have it and will get back to you shortly.\n`,
  },
  offer: {
    subject: "We have your offer{% if property %} for {{ property }}{% endif %}",
    html: `<p>${greeting}</p><p>we have received your offer{% if amount %} of {{ amount }}{% if currency %} {{ currency }}{% endif %}{% endif %} and will look at it carefully.</p>`,
    text: `${greeting}\n\nwe have received your offer{% if amount %} of {{ amount }}{% if currency %} {{ currency }}{% endif %}{% endif %} and will look at it carefully.\n`,
  },
  "follow-up": {
    subject: "Are you still interested{% if project %} in {{ project }}{% endif %}?",
    html: `<p>${greeting}</p><p>you wrote to us recently. If anything is open, just answer this mail.</p>`,
    text: `${greeting}\n\nyou wrote to us recently. If anything is open, just answer this mail.\n`,
  },
};

/**
 * Templates including the built-in ones. A tenant's template that was created after a job was enqueued is not used for that job:
 * its retries must send the same as its first try.
 */
export function withBuiltIn(templates: Templates): Templates {
  return {
    at: async (tenant, id, at) => {
      const own = await templates.at(tenant, id, at);
      const content = Object.hasOwn(contents, id) ? contents[id] : undefined;
      if (!content || (own && own.created <= at)) return own;
      return { id, version: 0, created: 0, ...content };
    },
  };
}

export function isBuiltInTemplate(id: string): boolean {
  return Object.hasOwn(contents, id);
}

/** A page of the tenant's templates and the built-in ones that it has not replaced, by id. */
export function withBuiltInListed(own: readonly TemplateSummary[], after: string, limit: number): TemplateSummary[] {
  const last = own.length < limit ? undefined : own.at(-1)?.id;
  const others = Object.entries(contents).flatMap(([id, { subject }]) => {
    const fits = id > after && (last === undefined || id < last) && !own.some((each) => each.id === id);
    return fits ? [{ id, version: 0, subject, layout: null, created: 0 }] : [];
  });
  return [...own, ...others].toSorted((left, right) => (left.id < right.id ? -1 : 1)).slice(0, limit);
}
