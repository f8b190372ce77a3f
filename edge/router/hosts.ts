/** The host a client asked for: of its Host header, lower case, without port or a final dot; brackets of IPv6 stay. */
export function requestedHost(request: Request): string {
  const host = (request.headers.get('host') ?? '').toLowerCase();
  return host.replace(/:\d*$/, '').replace(/\.$/, '');
}

/** Whether a host is the control plane's own. */
export const isControlHost = (host: string, appsDomain: string): boolean =>
  host === 'localhost' || host === '127.0.0.1' || host === '[::1]' || host === `api.${appsDomain}`;
