/**
 * A response of text that comes bit by bit. Its encoding is named so that nobody on the way compresses it, and holds
 * lines back to do it well.
 */
export const liveText = (text: ReadableStream<Uint8Array>): Response =>
  new Response(text, {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-encoding': 'identity',
      'cache-control': 'no-store, no-transform',
    },
  });
