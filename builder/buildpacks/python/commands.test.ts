import { expect, it } from 'vitest';
import { commandScripts } from './commands.ts';

it('makes a script for each command', () => {
  const text =
    '[console_scripts]\nflask = flask.cli:main\nalembic=alembic.config:Config.run [extra]\n\n[other]\nno = a:b\n';
  const packages = new Map([
    ['flask-3.1.dist-info/entry_points.txt', Buffer.from(text)],
    ['flask/entry_points.txt', Buffer.from('[console_scripts]\nnot = a:b\n')],
  ]);
  expect(Object.fromEntries(commandScripts(packages))).toEqual({
    flask: '#!/usr/bin/env python\nimport sys\nfrom flask.cli import main\nsys.exit(main())\n',
    alembic: '#!/usr/bin/env python\nimport sys\nfrom alembic.config import Config\nsys.exit(Config.run())\n',
  });
});
