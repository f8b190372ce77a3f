import { EXTENSION_DIR, OPCACHE_DIR } from './engine.ts';
import { PREPENDED, REPLACED } from './library.ts';
import type { Start } from './start.ts';

/**
 * php.ini: what Heroku's buildpack sets, and what an instance has.
 *
 * @param replaced functions of PHP's own to leave out, besides those of the library
 */
export const phpIni = (
  { extensions, ini }: Pick<Start, 'extensions' | 'ini'>,
  replaced: readonly string[] = [],
): string => `
; Only the log has what went wrong.
display_errors = Off
log_errors = On
html_errors = Off
; A recursion without end has a million frames.
fatal_error_backtraces = Off
error_reporting = E_ALL & ~E_DEPRECATED
variables_order = EGPCS
expose_php = Off
short_open_tag = Off
date.timezone = UTC
cgi.fix_pathinfo = 1
memory_limit = 128M
post_max_size = 100M
upload_max_filesize = 100M
; There is no memory that is shared, so what is compiled is kept in files: a page of a framework takes a fifth of the time.
opcache.enable = On
opcache.file_cache = ${OPCACHE_DIR}
opcache.file_cache_only = On
opcache.file_cache_consistency_checks = Off
opcache.file_update_protection = 0
disable_functions = ${[...REPLACED, ...replaced].join(',')}
auto_prepend_file = ${PREPENDED}
session.save_path = /tmp
upload_tmp_dir = /tmp
${extensions.map((name) => `extension = ${EXTENSION_DIR}/${name}`).join('\n')}
${ini}
`;
