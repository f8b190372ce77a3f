/**
 * Ends a streamed body in which nothing has moved for a while ("Request Timeout", Heroku Dev Center: after the first
 * byte, a rolling window of 55 seconds).
 *
 * @param ms the window
 * @param onIdle called when it is over
 */
export function endIdle(body: ReadableStream<Uint8Array>, ms: number, onIdle: () => void): ReadableStream<Uint8Array> {
  let last = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    start(controller) {
      // One timer for many chunks: it looks back when it fires.
      const look = () => {
        const left = last + ms - Date.now();
        if (left > 0) {
          timer = setTimeout(look, left);
          return;
        }
        onIdle();
        controller.error(new Error(`Nothing was sent for ${ms / 1000} seconds.`));
      };
      timer = setTimeout(look, ms);
    },
    transform(chunk, controller) {
      last = Date.now();
      controller.enqueue(chunk);
    },
    flush: () => clearTimeout(timer),
    cancel: () => clearTimeout(timer),
  });
  return body.pipeThrough(watch);
}
