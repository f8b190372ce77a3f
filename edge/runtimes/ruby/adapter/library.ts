/** The runtime's own Ruby, which serves apps and runs programs. */
import type { Engine } from './engine.ts';
import boot from './lib/boot.rb';
import files from './lib/files.rb';
import netHttp from './lib/net/http.rb';
import program from './lib/program.rb';
import puma from './lib/puma.rb';
import rackHandler from './lib/rack/handler.rb';
import rackupHandler from './lib/rackup/handler.rb';
import rackup from './lib/rackup.rb';
import socket from './lib/socket.rb';
import waiting from './lib/waiting.rb';

/** Where it is; first on the load path. */
const LIB = '/islet/lib';

const library: Record<string, string> = {
  'islet/boot.rb': boot,
  'islet/files.rb': files,
  'islet/program.rb': program,
  'islet/waiting.rb': waiting,
  'net/http.rb': netHttp,
  'puma.rb': puma,
  'rack/handler.rb': rackHandler,
  'rackup.rb': rackup,
  'rackup/handler.rb': rackupHandler,
  'socket.rb': socket,
};

/** Puts it on the load path of an engine, and makes Ruby able to wait for promises. */
export function install({ files: tree, vm }: Engine): void {
  const encoder = new TextEncoder();
  for (const [path, text] of Object.entries(library)) tree.write(`${LIB}/${path}`, encoder.encode(text));
  vm.eval(`
    $LOAD_PATH.unshift(${quote(LIB)})
    $stdout.sync = $stderr.sync = true
    require 'islet/files'
    require 'islet/waiting'
  `);
}

/** A string of Ruby's. */
export const quote = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
