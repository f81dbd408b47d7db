/**
 * The Basic Authorization header for the user and password in a URL. Undefined when the URL has
 * neither.
 */
export function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

/** A URL to send to, and the header for the user and password that it had. */
export function withoutCredentials(given: URL): { readonly url: URL; readonly authorization: string | undefined } {
  const url = new URL(given);
  url.username = '';
  url.password = '';
  return { url, authorization: basicAuthorization(given) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
