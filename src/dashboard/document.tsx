import type { ComponentChildren } from "preact";
import { script, style } from "./bundle";

/** A complete HTML document around its content. */
export function Document({ title, header, children }: { title: string; header?: ComponentChildren; children: ComponentChildren }) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <title>{`${title} · Jobyard`}</title>
        <link rel="icon" href="/favicon.svg" />
        <link rel="stylesheet" href={style.path} />
        <script type="module" src={script.path} />
      </head>
      <body>
        <a class="jump" href="#main">
          Skip to content
        </a>
        {header}
        {children}
        <div id="toasts" role="status" aria-live="polite" />
      </body>
    </html>
  );
}
