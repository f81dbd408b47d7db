type Json = unknown;
type Schema = Readonly<Record<string, unknown>>;

/** Returns every violation of a schema as a path and a sentence. Supports the keywords of the API description, and throws on others. */
export function schemaBreaches(value: Json, schema: Schema, schemas: Readonly<Record<string, Schema>>, path = '$'): readonly string[] {
  const known = ['$ref', 'type', 'properties', 'required', 'additionalProperties', 'items', 'enum', 'minimum', 'description'];
  for (const keyword of Object.keys(schema)) if (!known.includes(keyword)) throw new Error(`unknown keyword ${keyword}`);
  if (typeof schema['$ref'] === 'string') {
    const name = schema['$ref'].replace('#/components/schemas/', '');
    const target = schemas[name];
    return target === undefined ? [`${path}: ${name} is not described`] : schemaBreaches(value, target, schemas, path);
  }
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) return [`${path}: ${String(value)} is not one of the enum`];
  switch (schema['type']) {
    case 'string':
      return typeof value === 'string' ? [] : [`${path} is no string`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${path} is no boolean`];
    case 'integer':
    case 'number': {
      const isRight = typeof value === 'number' && (schema['type'] === 'number' || Number.isInteger(value));
      return isRight && value >= Number(schema['minimum'] ?? Number.NEGATIVE_INFINITY)
        ? []
        : [`${path}: ${String(value)} is no such number`];
    }
    case 'array':
      if (!Array.isArray(value)) return [`${path} is no array`];
      return value.flatMap((item, index) => schemaBreaches(item, schema['items'] as Schema, schemas, `${path}[${index}]`));
    case 'object':
      return objectBreaches(value, schema, schemas, path);
    default:
      throw new Error(`unknown type ${String(schema['type'])}`);
  }
}

function objectBreaches(value: Json, schema: Schema, schemas: Readonly<Record<string, Schema>>, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no object`];
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>;
  const missing = ((schema['required'] ?? []) as readonly string[]).filter((name) => !(name in value));
  const more = schema['additionalProperties'];
  return [
    ...missing.map((name) => `${path}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const own = properties[name] ?? (typeof more === 'object' ? (more as Schema) : undefined);
      return own === undefined ? [`${path}.${name} is not described`] : schemaBreaches(item, own, schemas, `${path}.${name}`);
    }),
  ];
}
