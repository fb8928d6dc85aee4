/** Stands for the types of a browser's page, which preact's types ask for: beside those of the Worker they would contradict them. */
export {};
