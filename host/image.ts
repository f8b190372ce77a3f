/** `npm run image -- go[@version]`: makes the toolchain of a language before the first build that needs it. */
import { join } from 'node:path';
import { hostGo, imagesIn, makeImage } from '../builder/buildpacks/go/image.ts';
import { chooseVersion } from '../builder/buildpacks/go/version.ts';
import { BuildFailure } from '../builder/failure.ts';
import { run } from './command.ts';
import { readSettings, StartError } from './settings.ts';

await run(async () => {
  const [, language, version] = /^([^@]+)(?:@(?:go)?(.+))?$/.exec(process.argv[2] ?? '') ?? [];
  if (language !== 'go') {
    throw new StartError(
      `There is no image ${JSON.stringify(process.argv[2] ?? '')}. There is: go, or go@1.25.4 for a version.`,
    );
  }
  const { dataDir } = readSettings(process.env);
  try {
    const go = chooseVersion({ atLeast: [], ...(version && { exactly: version }) }, await hostGo());
    const start = performance.now();
    let made = false;
    const { id, directory } = await makeImage(imagesIn(join(dataDir, 'cache')), go, () => {
      made = true;
      console.log(`Building Go ${go} as WebAssembly...`);
    });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(made ? `Made in ${seconds} s:` : 'It is there already:', directory);
    console.log(`SHA-256 ${id}`);
  } catch (error) {
    if (error instanceof BuildFailure) throw new StartError([error.message, ...error.help].join('\n'));
    throw error;
  }
});
