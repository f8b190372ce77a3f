import type { FailureCode } from '../runtimes/failure.ts';

/**
 * What a person reads when the platform answers in an app's place, as on Heroku.
 *
 * @param config the app's config vars: `ERROR_PAGE_URL` and `MAINTENANCE_PAGE_URL` name pages of its own
 */
export function failurePage(code: FailureCode, app: string, config: Record<string, string> = {}): Response {
  const own = config[code === 'H80' ? 'MAINTENANCE_PAGE_URL' : 'ERROR_PAGE_URL'];
  const [title = '', ...paragraphs] = texts[code] ?? applicationError(app);
  const url = own === undefined || code === 'H81' ? null : URL.parse(own);
  return url && /^https?:$/.test(url.protocol) ? frame(title, url.href) : page(503, title, paragraphs);
}

/** Another page in the whole window ("Error Pages", Heroku Dev Center): the status stays that of the failure. */
function frame(title: string, url: string): Response {
  const document = `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(title)}</title>
<style>
html, body, iframe { margin: 0; border: 0; width: 100%; height: 100%; overflow: hidden }
</style>
</head>
<body>
<iframe src="${html(url)}"></iframe>
</body>
</html>
`;
  return htmlResponse(document, 503);
}

export function noSuchApp(host: string): Response {
  return page(404, 'No such app', [`There is no app configured at ${host}.`, 'Is its name spelled right?']);
}

const applicationError = (app: string) => [
  'Application error',
  'An error occurred in the application and your page could not be served.',
  `If you are the application owner, check your logs for details: heroku logs --tail --app ${app}`,
];

const texts: Partial<Record<FailureCode, string[]>> = {
  H80: ['Offline for maintenance', 'This application is undergoing maintenance right now. Please check back later.'],
  H81: ["There's nothing here, yet.", 'This app has been created, and waits for its first git push.'],
};

function page(status: number, title: string, paragraphs: string[]): Response {
  const document = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(title)}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 20vh auto 0; max-width: 36em; padding: 0 1em; text-align: center; color: #333 }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd } }
</style>
</head>
<body>
<h1>${html(title)}</h1>
${paragraphs.map((text) => `<p>${html(text)}</p>`).join('\n')}
</body>
</html>
`;
  return htmlResponse(document, status);
}

const htmlResponse = (document: string, status: number): Response =>
  new Response(document, {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache, no-store' },
  });

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const html = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character] ?? '');

/** The control plane cannot be asked yet, in the form of the Platform API's errors. */
export function starting(): Response {
  const message = 'The control plane is starting. Try again in a moment.';
  return Response.json({ id: 'service_unavailable', message }, { status: 503, headers: { 'retry-after': '1' } });
}
