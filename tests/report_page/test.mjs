// The report of a comparison (TILLER_REPORT) as people use it.

import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {pathToFileURL} from 'node:url';

import {checkAccess} from '../serve/page/access.mjs';
import {launch, quit, withPage} from '../serve/page/browser.mjs';

const url = pathToFileURL(process.env.TILLER_REPORT).href;
const on = (options, use) => withPage(url, {ready: 'main', ...options}, use);

// What a paste gives.
async function pasted(page) {
  await page.evaluate(() => {
    const box = document.createElement('textarea');
    box.id = 'paste-here';
    document.body.append(box);
    box.focus();
  });
  await page.keyboard.press('Control+V');
  const text = await page.locator('#paste-here').inputValue();
  await page.locator('#paste-here').evaluate(box => box.remove());
  return text;
}

// A picture that stands alone: an SVG with something in it and no colour that only the page's style sheet knows.
async function savedPicture(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  assert.match(download.suggestedFilename(), /^[\w.-]+\.svg$/);
  const svg = readFileSync(await download.path(), 'utf8');
  assert.doesNotMatch(svg, /var\(--/);
  const shape = await page.evaluate(text => {
    const root = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
    return {name: root.tagName, space: root.namespaceURI, texts: root.querySelectorAll('text').length,
            marks: root.querySelectorAll('path, rect, line, circle').length};
  }, svg);
  assert.equal(shape.name, 'svg');
  assert.equal(shape.space, 'http://www.w3.org/2000/svg');
  assert.ok(shape.texts > 0 && shape.marks > 1, JSON.stringify(shape));
}

const tests = {
  'names, contrast and width': async () => {
    for (const size of ['desktop', 'phone'])
      for (const colorScheme of ['light', 'dark'])
        await on({size, colorScheme}, async page => {
          await checkAccess(page);
          await page.locator('button.unfold').click();
          await page.locator('figure.chart .drawing svg').first().waitFor();
          await checkAccess(page);
        });
  },
  'a command is copied, by mouse and by keyboard': async () => {
    await on({}, async page => {
      await page.locator('button.unfold').click();
      const copies = page.locator('button.copy');
      assert.ok(await copies.count() >= 2, 'one for each task');
      for (const i of [0, 1]) {
        const command = await copies.nth(i).evaluate(button => button.previousElementSibling.textContent);
        assert.match(command, /^tiller .*--vector \S+\.gguf/);
        if (i === 0) await copies.nth(i).click();
        else await copies.nth(i).press('Enter');
        await page.getByRole('status').filter({hasText: 'Copied'}).waitFor({state: 'attached'});
        assert.equal(await pasted(page), command);
      }
    });
  },
  'pictures are saved': async () => {
    await on({}, async page => {
      await savedPicture(page, page.locator('.answer-legend button.save'));
      await page.locator('button.unfold').click();
      const figure = page.locator('details.task figure.chart').first();
      await figure.locator('button.save').waitFor();
      await savedPicture(page, figure.locator('button.save'));
    });
  },
  'tasks are unfolded, folded, and opened by a link': async () => {
    await on({}, async page => {
      const open = () => page.locator('details.task').evaluateAll(tasks => tasks.map(task => task.open));
      assert.deepEqual(await open(), [false, false]);
      await page.locator('button.unfold').click();
      assert.deepEqual(await open(), [true, true]);
      await page.getByRole('button', {name: 'Fold all tasks'}).click();
      assert.deepEqual(await open(), [false, false]);
      await page.locator('#answers th a').nth(1).click();
      assert.deepEqual(await open(), [false, true]);
    });
  },
  'without scripts the numbers are there': async () => {
    await on({}, async page => {
      const plain = await page.context().browser().newContext({javaScriptEnabled: false});
      const still = await plain.newPage();
      await still.goto(url);
      assert.ok(await still.locator('#answers table').first().isVisible());
      assert.equal(await still.locator('button:visible').count(), 0, 'no button that does nothing');
      await plain.close();
    });
  },
};

await launch();
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n${error.stack}`);
  }
}
await quit();
process.exit(failed ? 1 : 0);
