/** A server-sent event. */
export interface ServerEvent {
  /** Name of the event. Default `message`. */
  readonly event: string;
  /** Its data lines, joined by line feeds. */
  readonly data: string;
}

/**
 * Parses a `text/event-stream` body as the HTML standard defines it.
 *
 * @throws when an event is longer than `maxLength` UTF-16 units, or when reading the body fails
 */
export async function* readEventStream(body: ReadableStream<Uint8Array>, maxLength: number): AsyncGenerator<ServerEvent> {
  let rest = '';
  let event = '';
  let data: string[] = [];
  let length = 0;
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split(/\r\n|\n|\r(?=[^\n])/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event === '' ? 'message' : event, data: data.join('\n') };
        [event, data, length] = ['', [], 0];
        continue;
      }
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'event') event = value;
      if (field === 'data') data.push(value);
      length += line.length;
    }
    if (length + rest.length > maxLength) throw new Error(`an event is longer than ${maxLength} characters`);
  }
}
