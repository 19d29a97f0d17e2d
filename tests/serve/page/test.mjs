// Tests the server's page in Chromium; run.sh sets up what it needs. Arguments: parts of the names of tests to run.
// With TILLER_URL it runs against that server, without the tests that need the mock's failures. With TILLER_PAGE_DOCS=docs
// it makes the documentation's pictures instead (docs_pictures.mjs).

import {mkdir} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import {launch, quit} from './browser.mjs';
import {startMock} from './mock.mjs';
import {tests as anyServer} from './test_any.mjs';
import {tests as modules} from './test_modules.mjs';
import {tests as mockOnly} from './test_mock.mjs';
import {tests as files} from './test_files.mjs';
import {tests as pictures} from './docs_pictures.mjs';

const url = process.env.TILLER_URL?.replace(/\/$/, '');
const pageDir = fileURLToPath(new URL('../../../src/serve/page', import.meta.url));
const shots = process.env.TILLER_PAGE_SHOTS ?? '/tmp/tiller-page-shots';
const wanted = process.argv.slice(2);

const all = process.env.TILLER_PAGE_DOCS ? pictures : url ? anyServer : {...modules, ...anyServer, ...mockOnly, ...files};
let failed = 0;
let ran = 0;

await mkdir(shots, {recursive: true});
await launch();
for (const [name, test] of Object.entries(all)) {
  if (wanted.length && !wanted.some(part => name.includes(part))) continue;
  const mocks = [];
  const start = async options => {
    mocks.push(await startMock({pageDir, ...options}));
    return mocks.at(-1);
  };
  ++ran;
  try {
    await test({url: url ?? (await start()).url, mock: mocks[0], start, shots, real: Boolean(url)});
    console.log(`ok    ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAIL  ${name}\n${String(error.stack ?? error).replace(/^/gm, '      ')}`);
  }
  for (const mock of mocks) await mock.close();
}
await quit();
console.log(failed ? `${failed} of ${ran} tests failed` : `All ${ran} tests passed`);
if (failed || !ran) process.exit(1);
