declare const VALUE: unique symbol;

/**
 * A JSON Schema of OpenAPI 3.1. `Value` is the type of what it describes, so that the schema is the
 * only description of an answer.
 */
export interface Schema<Value = unknown> {
  readonly [keyword: string]: unknown;
  /** Exists for the compiler only. */
  readonly [VALUE]?: Value;
}

/** The type of what a schema describes. */
export type ValueOf<S> = S extends Schema<infer Value> ? Value : never;

/** A property that answers leave out where its value is unknown. */
export interface Optional<Value> {
  readonly optional: Schema<Value>;
}

type Properties = Readonly<Record<string, Schema | Optional<unknown>>>;

type RequiredNames<P> = { [Name in keyof P]: P[Name] extends Optional<unknown> ? never : Name }[keyof P];

type Flat<T> = { readonly [Name in keyof T]: T[Name] };

type ObjectOf<P> = Flat<
  { readonly [Name in RequiredNames<P>]: ValueOf<P[Name]> } & {
    readonly [Name in Exclude<keyof P, RequiredNames<P>>]?: P[Name] extends Optional<infer Value> ? Value : never;
  }
>;

export function text<Value extends string = string>(description?: string): Schema<Value> {
  return { type: 'string', ...described(description) };
}

export function oneOf<const Value extends string>(values: readonly Value[], description?: string): Schema<Value> {
  return { type: 'string', enum: [...values], ...described(description) };
}

export function count(description?: string): Schema<number> {
  return { type: 'integer', minimum: 0, ...described(description) };
}

export function integer(description?: string): Schema<number> {
  return { type: 'integer', ...described(description) };
}

export function number(description?: string): Schema<number> {
  return { type: 'number', ...described(description) };
}

/** A point in time. */
export function ms(description = 'milliseconds since the epoch'): Schema<number> {
  return number(description);
}

export function flag(description?: string): Schema<boolean> {
  return { type: 'boolean', ...described(description) };
}

export function list<Value>(items: Schema<Value>, description?: string): Schema<readonly Value[]> {
  return { type: 'array', items, ...described(description) };
}

/** Counts by a name that only the answer knows. */
export function countsByName(description?: string): Schema<Readonly<Record<string, number>>> {
  return { type: 'object', additionalProperties: { type: 'integer' }, ...described(description) };
}

export function optional<Value>(schema: Schema<Value>): Optional<Value> {
  return { optional: schema };
}

export function object<P extends Properties>(properties: P): Schema<ObjectOf<P>> {
  const entries = Object.entries(properties);
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, property]) => [name, isOptional(property) ? property.optional : property])),
    required: entries.flatMap(([name, property]) => (isOptional(property) ? [] : [name])),
    additionalProperties: false,
  };
}

/** Points to the schema of this name under `components`. */
export function ref<Value>(name: string): Schema<Value> {
  return { $ref: `#/components/schemas/${name}` };
}

function isOptional(property: Schema | Optional<unknown>): property is Optional<unknown> {
  return 'optional' in property;
}

function described(description: string | undefined): { readonly description?: string } {
  return description === undefined ? {} : { description };
}
