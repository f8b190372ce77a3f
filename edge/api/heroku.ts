/** What the types of `@heroku-cli/schema` say of a resource, without their leave for properties of any name. */
type Named<Schema> = {
  [Name in keyof Schema as string extends Name ? never : number extends Name ? never : Name]: Schema[Name];
};

/**
 * A resource of Heroku's API, for `satisfies`.
 *
 * @typeParam Absent what may be null, too, which the schema says and its types do not
 * @typeParam More what the API has, and its types have not yet
 */
export type Resource<Schema, Absent extends keyof Named<Schema> = never, More extends string = never> = Omit<
  Named<Schema>,
  Absent
> & { [Name in Absent]?: Named<Schema>[Name] | null } & { [Name in More]?: unknown };
