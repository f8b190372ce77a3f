/** The runtime's own Ruby, which serves apps and runs programs. */
import type { Engine } from './engine.ts';
import bigdecimalUtil from './lib/bigdecimal/util.rb';
import bigdecimal from './lib/bigdecimal.rb';
import boot from './lib/boot.rb';
import bootsnapSetup from './lib/bootsnap/setup.rb';
import bootsnap from './lib/bootsnap.rb';
import files from './lib/files.rb';
import ioConsoleSize from './lib/io/console/size.rb';
import ioConsole from './lib/io/console.rb';
import netHttp from './lib/net/http.rb';
import nokogiri from './lib/nokogiri.rb';
import program from './lib/program.rb';
import puma from './lib/puma.rb';
import rackHandler from './lib/rack/handler.rb';
import rackupHandler from './lib/rackup/handler.rb';
import rackup from './lib/rackup.rb';
import socket from './lib/socket.rb';
import threads from './lib/threads.rb';
import waiting from './lib/waiting.rb';

/** Where it is; first on the load path. */
const LIB = '/islet/lib';

const library: Record<string, string> = {
  'bigdecimal.rb': bigdecimal,
  'bigdecimal/util.rb': bigdecimalUtil,
  'bootsnap.rb': bootsnap,
  'bootsnap/setup.rb': bootsnapSetup,
  'io/console.rb': ioConsole,
  'io/console/size.rb': ioConsoleSize,
  'islet/boot.rb': boot,
  'islet/files.rb': files,
  'islet/program.rb': program,
  'islet/threads.rb': threads,
  'islet/waiting.rb': waiting,
  'net/http.rb': netHttp,
  'nokogiri.rb': nokogiri,
  'puma.rb': puma,
  'rack/handler.rb': rackHandler,
  'rackup.rb': rackup,
  'rackup/handler.rb': rackupHandler,
  'socket.rb': socket,
};

/** Where the time zones are that TZInfo looks for: UTC alone, as the gem tzinfo-data has the others. */
const ZONES = '/etc/zoneinfo';

/** UTC as RFC 9636, section 3, has it: a header, one type of local time and its name. */
const UTC = `TZif${'\0'.repeat(35)}\x01\0\0\0\x04${'\0'.repeat(6)}UTC\0`;

const zones: Record<string, string> = {
  UTC,
  'Etc/UTC': UTC,
  'iso3166.tab': '# none\n',
  'zone1970.tab': '# none\n',
};

/** Puts it on the load path of an engine, and makes Ruby able to wait for promises. */
export function install({ files: tree, vm }: Engine): void {
  const encoder = new TextEncoder();
  for (const [path, text] of Object.entries(library)) tree.write(`${LIB}/${path}`, encoder.encode(text));
  for (const [path, text] of Object.entries(zones)) tree.write(`${ZONES}/${path}`, encoder.encode(text));
  vm.eval(`
    $LOAD_PATH.unshift(${quote(LIB)})
    $stdout.sync = $stderr.sync = true
    require 'islet/files'
    require 'islet/waiting'
  `);
}

/** A string of Ruby's. */
export const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
