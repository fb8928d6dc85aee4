/** Replaces the browser's types, which preact's types refer to: together with the Worker's types they would conflict. */
export {};
