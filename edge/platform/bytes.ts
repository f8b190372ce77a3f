const encoder = new TextEncoder();

/** SHA-256 of a text, in lower-case hex. */
export async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text))).toHex();
}

/** Whether two secrets are equal, in a time that tells nothing of where they differ or how long they are. */
export async function secretsEqual(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all(
    [a, b].map((secret) => crypto.subtle.digest('SHA-256', encoder.encode(secret))),
  );
  return left !== undefined && right !== undefined && crypto.subtle.timingSafeEqual(left, right);
}
