import { expect, it } from 'vitest';
import { routerLine } from './router-log.ts';

const request = {
  method: 'GET',
  path: '/a?b=1',
  host: 'a.example',
  requestId: 'an-id',
  forwardedFor: '192.0.2.7',
  protocol: 'https' as const,
  status: 200,
  bytes: '',
};

it('writes a served request in Heroku’s form', () => {
  expect(routerLine({ ...request, dyno: 'web.1', serviceMs: 18, bytes: '13' })).toBe(
    'at=info method=GET path="/a?b=1" host=a.example request_id=an-id fwd="192.0.2.7" dyno=web.1 connect=0ms service=18ms status=200 bytes=13 protocol=https',
  );
});

it('writes a failed one with its code, and empty what there was not', () => {
  expect(routerLine({ ...request, status: 503, code: 'H14' })).toBe(
    'at=error code=H14 desc="No web processes running" method=GET path="/a?b=1" host=a.example request_id=an-id fwd="192.0.2.7" dyno= connect= service= status=503 bytes= protocol=https',
  );
  expect(routerLine({ ...request, status: 503, code: 'H80' })).toMatch(/^at=info code=H80 desc="Maintenance mode" /);
});

it('lets no client break out of its quotes', () => {
  const line = routerLine({ ...request, path: '/" status=200', forwardedFor: '" dyno=x' });
  expect(line).toContain('path="/%22 status=200"');
  expect(line).toContain('fwd=" dyno=x"');
});
