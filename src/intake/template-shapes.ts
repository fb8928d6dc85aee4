import * as v from "valibot";
import { outputList } from "../bounded";
import { count, cursor, isoTime } from "./shapes";

export const templateShape = v.object({
  id: v.string(),
  version: count,
  subject: v.string(),
  html: v.optional(v.string()),
  text: v.optional(v.string()),
  layout: v.optional(v.string()),
  created: v.pipe(v.nullable(isoTime), v.description("Null for a built-in one")),
});

const { html: _html, text: _text, layout: _layout, ...summarised } = templateShape.entries;
export const templatesShape = v.object({ templates: outputList(v.object({ ...summarised, layout: v.nullable(v.string()) })), cursor });

export const previewShape = v.object({
  id: v.string(),
  version: v.pipe(v.nullable(count), v.description("Null when the content came with the request")),
  layoutVersion: v.nullable(count),
  subject: v.string(),
  html: v.nullable(v.string()),
  text: v.pipe(v.nullable(v.string()), v.description("The template's, else made from the html")),
});

export const templatePutShape = v.object({ id: v.string(), version: count, changed: v.boolean() });
