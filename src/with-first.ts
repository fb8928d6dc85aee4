type Acts<First> = Readonly<Record<string, (first: First, ...rest: never[]) => unknown>>;

/** Functions without their first argument. */
type WithoutFirst<First, All> = {
  [Name in keyof All]: All[Name] extends (first: First, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;
};

/** The functions with their first argument given: of functions of a database, those of this database. */
export function withFirst<First, const All extends Acts<First>>(first: First, acts: All): WithoutFirst<First, All> {
  const entries = Object.entries(acts).map(([name, act]) => [name, (...rest: never[]) => act(first, ...rest)]);
  return Object.fromEntries(entries) as WithoutFirst<First, All>;
}
