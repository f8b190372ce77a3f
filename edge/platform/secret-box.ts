/**
 * Encryption at rest: AES-256-GCM (NIST SP 800-38D), a fresh 96-bit nonce for each value, written as
 *
 *     v1:<nonce, base64>:<ciphertext and tag, base64>
 *
 * The context (which row and field a value belongs to) is authenticated with it, so that a value copied to another
 * app's row does not open there.
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param secretKey 32 bytes in base64 */
function importKey(secretKey: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', Uint8Array.fromBase64(secretKey), 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/** Encrypts `text` for one place, named by `context`. */
export async function seal(secretKey: string, context: string, text: string): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const algorithm = { name: 'AES-GCM', iv, additionalData: encoder.encode(context) };
  const sealed = await crypto.subtle.encrypt(algorithm, await importKey(secretKey), encoder.encode(text));
  return `v1:${iv.toBase64()}:${new Uint8Array(sealed).toBase64()}`;
}

/** Whether it can be what `seal` made. */
export const isSealed = (text: string): boolean => text.startsWith('v1:');

/**
 * Decrypts what `seal` made.
 * @throws when the key or the context is another, or a byte was changed
 */
export async function open(secretKey: string, context: string, sealed: string): Promise<string> {
  const [version, iv, ciphertext] = sealed.split(':');
  if (version !== 'v1' || iv === undefined || ciphertext === undefined) {
    throw new Error(`A sealed value starts with "v1:", not "${sealed.slice(0, 3)}".`);
  }
  const algorithm = { name: 'AES-GCM', iv: Uint8Array.fromBase64(iv), additionalData: encoder.encode(context) };
  const text = await crypto.subtle.decrypt(algorithm, await importKey(secretKey), Uint8Array.fromBase64(ciphertext));
  return decoder.decode(text);
}
