import { type FailureCode, failures } from '../runtimes/failure.ts';

/** What is known of a request before an app has it. */
export interface Arrival {
  /** When it came: milliseconds since 1970. */
  at: number;
  method: string;
  /** Path and query. */
  path: string;
  host: string;
  requestId: string;
  /** X-Forwarded-For as the app got it. */
  forwardedFor: string;
  protocol: 'http' | 'https';
}

/** A request that an app has not answered yet. */
export interface WaitingRequest extends Arrival {
  /** The app's id. */
  app: string;
  /** `web.1` */
  dyno: string;
}

export interface RoutedRequest extends Omit<Arrival, 'at'> {
  dyno?: string;
  /** Milliseconds until the response began. */
  serviceMs?: number;
  status: number;
  /** Of the body, as Content-Length has it; empty where that is not known when the response begins. */
  bytes: string;
  code?: FailureCode;
}

/** These are not errors: Heroku logs them for completeness. */
const INFORMATIONAL = new Set<FailureCode>(['H80', 'H81']);

/** A line of the router's, in Heroku's form ("HTTP Routing", "Heroku router log format"). */
export function routerLine(request: RoutedRequest): string {
  const { method, path, host, requestId, forwardedFor, protocol, dyno = '', serviceMs, status, bytes, code } = request;
  const at = code
    ? `at=${INFORMATIONAL.has(code) ? 'info' : 'error'} code=${code} desc="${failures[code]}"`
    : 'at=info';
  const connect = serviceMs === undefined ? '' : '0ms';
  const service = serviceMs === undefined ? '' : `${serviceMs}ms`;
  return `${at} method=${method} path="${path.replaceAll('"', '%22')}" host=${host} request_id=${requestId} fwd="${forwardedFor.replaceAll('"', '')}" dyno=${dyno} connect=${connect} service=${service} status=${status} bytes=${bytes} protocol=${protocol}`;
}
