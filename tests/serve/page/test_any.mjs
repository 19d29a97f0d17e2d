// Tests that hold for the mock and for every server with a model that has a chat format and at least one vector.

import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {checkAccess} from './access.mjs';
import {ask, switchOn, texts, withPage} from './browser.mjs';

const firstVector = async page => (await page.locator('#vectors .name').first().textContent()).trim();
const answers = page => page.locator('.turn.assistant').last().locator('article');

export const tests = {
  'an unsteered answer'({url}) {
    return withPage(url, {}, async page => {
      assert.match(await page.title(), /· tiller$/);
      await ask(page, 'Describe a rainy day.');
      assert.equal(await answers(page).count(), 1);
      assert.equal(await page.getByRole('heading', {name: 'Unsteered'}).count(), 1);
      assert.ok((await texts(page))[0].trim().length > 0);
      assert.equal(await page.locator('#prompt').inputValue(), '');
      await checkAccess(page);
    });
  },

  'unsteered beside steered, and the conversation goes on with the answer chosen'({url}) {
    return withPage(url, {}, async page => {
      const vector = await firstVector(page);
      await switchOn(page, vector);
      await ask(page, 'Describe a rainy day.');
      assert.deepEqual(await answers(page).locator('h3').allTextContents(), ['Unsteered', 'Steered']);
      assert.match(await answers(page).nth(1).locator('header').textContent(), new RegExp(vector));
      const [unsteered] = await texts(page);
      assert.match(await answers(page).nth(1).locator('footer').textContent(), /Applied: \d+ edits?/);
      const choices = page.getByRole('radio', {name: 'Go on with this answer'});
      assert.deepEqual([await choices.nth(0).isChecked(), await choices.nth(1).isChecked()], [false, true]);
      await choices.nth(0).check();
      const sent = page.waitForRequest(request => request.url().endsWith('/v1/chat/completions'));
      await ask(page, 'And a sunny one?');
      const body = (await sent).postDataJSON();
      assert.deepEqual(body.messages.map(({role}) => role), ['user', 'assistant', 'user']);
      assert.equal(body.messages[1].content, unsteered);
      assert.equal(body.n, 2);
      assert.equal(body.steering[0], null);
      assert.equal(await page.locator('.turn.assistant').first().getByText('The conversation went on with this answer').count(), 1);
      await checkAccess(page);
    });
  },

  'several strengths in one request'({url, shots}) {
    return withPage(url, {}, async page => {
      await switchOn(page, await firstVector(page));
      const strength = Number(await page.locator('#vectors input[type=number]').first().inputValue());
      await page.getByRole('radio', {name: 'Several strengths'}).check();
      await page.getByLabel('Multiples').fill('0, 0.5, 1');
      const sent = page.waitForRequest(request => request.url().endsWith('/v1/chat/completions'));
      await ask(page, 'Describe a rainy day.');
      const {steering, n} = (await sent).postDataJSON();
      assert.equal(n, 3);
      assert.deepEqual(steering.map(entry => entry && entry.vectors[0].scale), [null, Number((strength / 2).toPrecision(6)), strength]);
      await page.screenshot({path: `${shots}/strengths.png`});
      assert.deepEqual(await answers(page).locator('h3').allTextContents(), ['Unsteered', '× 0.5', '× 1']);
      assert.equal(await page.getByRole('radio', {name: 'Go on with this answer'}).nth(2).isChecked(), true);
      await checkAccess(page);
    });
  },

  'tokens are coloured by effect and damage, and keys walk through them'({url}) {
    return withPage(url, {}, async page => {
      await switchOn(page, await firstVector(page));
      await ask(page, 'Describe a rainy day.');
      const plain = await texts(page);
      await page.getByRole('radio', {name: 'Effect'}).check();
      await page.getByRole('radio', {name: 'Go on with this answer'}).nth(1).focus();
      await page.locator('article.steered [role=option]').first().waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.closest('article')?.className), 'steered chosen', 'the focus stays');
      assert.match(await page.locator('#legend').textContent(), /times likelier/);
      assert.match(await answers(page).nth(1).locator('footer').textContent(), /Perplexity to the unsteered model [\d.,]+, to the steered one [\d.,]+/);
      assert.ok(await page.locator('article.steered [class*=effect-]').count() > 0);
      assert.equal(await page.locator('article.unsteered [class*=effect-]').count(), 0);
      assert.deepEqual(await texts(page), plain);
      const list = page.locator('article.steered').getByRole('listbox');
      await list.focus();
      await page.keyboard.press('ArrowRight');
      const selected = list.locator('[aria-selected=true]');
      assert.equal(await selected.count(), 1);
      assert.equal(await list.getAttribute('aria-activedescendant'), await selected.getAttribute('id'));
      assert.match(await page.locator('#tip').textContent(), /with steering.*without.*(steering)/);
      await checkAccess(page);
      await page.keyboard.press('Escape');
      assert.equal(await page.locator('#tip').isHidden(), true);
      await page.getByRole('radio', {name: 'Damage'}).check();
      assert.match(await page.locator('#legend').textContent(), /less than/);
      await page.locator('article.steered [role=option]').nth(1).hover();
      assert.equal(await page.locator('#tip').isVisible(), true);
      await checkAccess(page);
    });
  },

  'keyboard only'({url}) {
    return withPage(url, {}, async page => {
      const press = key => page.keyboard.press(key);
      await press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the message');
      // Tab until the first vector's switch has the focus; its row's other controls follow in reading order.
      const vector = await firstVector(page);
      for (let i = 0; i < 12 && !await page.evaluate(() => document.activeElement.type === 'checkbox'); ++i) await press('Tab');
      await press('Space');
      assert.equal(await page.getByRole('checkbox', {name: vector, exact: true}).isChecked(), true);
      await press('Tab');
      await press('Tab');
      const before = Number(await page.locator('#vectors input[type=number]').first().inputValue());
      await press('ArrowRight');
      assert.ok(Number(await page.locator('#vectors input[type=number]').first().inputValue()) > before);
      await press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), `Strength of ${vector} as a number`);
      for (let i = 0; i < 60 && !await page.evaluate(() => document.activeElement.id === 'prompt'); ++i) await press('Tab');
      await page.keyboard.type('One line');
      await press('Shift+Enter');
      await page.keyboard.type('and another.');
      assert.equal(await page.locator('#prompt').inputValue(), 'One line\nand another.');
      await press('Enter');
      await answers(page).nth(1).and(page.locator('[aria-busy=false]')).waitFor({timeout: 60000});
      assert.equal(await page.evaluate(() => document.activeElement.id), 'prompt');
      assert.match(await page.locator('#announce').textContent(), /^Unsteered: .+Steered: /s);
      // Every place that Tab reaches shows that it has the focus.
      for (let i = 0; i < 30; ++i) {
        await press('Tab');
        const visible = await page.evaluate(() => {
          const at = document.activeElement;
          const marked = element => element && getComputedStyle(element).outlineStyle !== 'none';
          return at === document.body || marked(at) || marked(at.closest('.button')) || marked(at.nextElementSibling);
        });
        assert.ok(visible, `focus is visible at ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 80))}`);
      }
    });
  },

  'a strength may be typed beyond the slider, and goes back to the own one'({url}) {
    return withPage(url, {}, async page => {
      const number = page.locator('#vectors input[type=number]').first();
      const own = await number.inputValue();
      await number.fill('123.5');
      assert.equal(await page.locator('#vectors input[type=checkbox]').first().isChecked(), true);
      const slider = page.locator('#vectors input[type=range]').first();
      assert.equal(await slider.inputValue(), await slider.getAttribute('max'));
      assert.equal(await number.inputValue(), '123.5');
      await page.locator('#vectors li').first().getByRole('button', {name: /^Own strength/}).click();
      assert.equal(await number.inputValue(), own);
    });
  },

  'an error is shown at its place in the server\'s own words'({url}) {
    return withPage(url, {expected: [/status of 400/]}, async page => {
      await switchOn(page, await firstVector(page));
      await page.locator('#vectors summary').first().click();
      await page.getByLabel(/^Layers of/).first().fill('eight');
      await ask(page, 'Describe a rainy day.');
      const said = await page.locator('.turn.assistant > .error').textContent();
      assert.ok(said.length > 10);
      assert.equal(await page.locator('#vectors li').first().locator('p.error').textContent(), said);
      await checkAccess(page);
      await page.getByLabel(/^Layers of/).first().fill('');
      await page.getByRole('button', {name: 'Answer again'}).click();
      await answers(page).nth(1).and(page.locator('[aria-busy=false]')).waitFor({timeout: 60000});
      assert.equal(await page.locator('.error:visible').count(), 0);
    });
  },

  'take back gives the message back'({url}) {
    return withPage(url, {}, async page => {
      await ask(page, 'Describe a rainy day.');
      await page.getByRole('button', {name: 'Take back'}).click();
      assert.equal(await page.locator('.turn').count(), 0);
      assert.equal(await page.locator('#prompt').inputValue(), 'Describe a rainy day.');
    });
  },

  'a vector is downloaded'({url}) {
    return withPage(url, {}, async page => {
      await page.locator('#vectors summary').first().click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#vectors').getByRole('link', {name: 'Download'}).first().click()]);
      assert.equal((await readFile(await download.path())).subarray(0, 4).toString(), 'GGUF');
      assert.equal(download.suggestedFilename(), `${await firstVector(page)}.gguf`);
    });
  },

  'a text is continued plainly, and so is the answer chosen'({url}) {
    return withPage(url, {}, async page => {
      await switchOn(page, await firstVector(page));
      await page.getByRole('radio', {name: /^Plain continuation/}).check();
      await page.getByLabel('Most tokens').fill('12');
      await page.getByRole('radio', {name: 'Damage'}).check();
      await ask(page, 'The weather in April was');
      await page.locator('article.steered [role=option]').first().waitFor();
      await page.locator('article.unsteered [role=option]').first().waitFor();
      const [unsteered] = await texts(page);
      assert.ok(unsteered.length > 0);
      await page.getByRole('radio', {name: 'Go on with this answer'}).first().check();
      const sent = page.waitForRequest(request => request.url().endsWith('/v1/completions'));
      await ask(page, '');
      assert.equal((await sent).postDataJSON().prompt, `The weather in April was${unsteered}`);
      await checkAccess(page);
    });
  },

  'Escape stops an answer, and the next one comes as usual'({url}) {
    return withPage(url, {}, async page => {
      await page.getByLabel('Most tokens').fill('400');
      await ask(page, 'fail: slow. Write a long story about a mouse.', {wait: false});
      await page.waitForFunction(() => [...document.querySelectorAll('article .text')].at(-1)?.textContent.length > 5);
      await page.keyboard.press('Escape');
      await page.locator('#send').waitFor();
      assert.match(await page.locator('article').last().textContent(), /stopped by you/);
      await page.getByLabel('Most tokens').fill('10');
      await ask(page, 'Hello');
      assert.match(await page.locator('article').last().textContent(), /ended by itself|cut at the limit/);
      assert.equal(await page.locator('.error:visible').count(), 0);
    });
  },

  'a vector that was downloaded is uploaded under another name'({url, real}) {
    return withPage(url, {}, async page => {
      await page.locator('#vectors summary').first().click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#vectors').getByRole('link', {name: 'Download'}).first().click()]);
      const buffer = await readFile(await download.path());
      await page.getByLabel('Upload a vector (GGUF file)').setInputFiles({name: 'zz copy.gguf', mimeType: 'application/octet-stream', buffer});
      await switchOn(page, 'zz-copy');
      assert.match(await page.locator('#upload-answer').textContent(), /zz-copy is on the server until it ends/);
      await ask(page, 'Hello');
      assert.match(await answers(page).nth(1).locator('header').textContent(), /zz-copy/);
      if (real) await page.evaluate(() => fetch('/v1/vectors/zz-copy', {method: 'DELETE'}));
    });
  },

  'both widths and both themes'({url, shots, real}) {
    return ['desktop', 'phone'].reduce((done, size) => ['light', 'dark'].reduce((earlier, colorScheme) => earlier.then(() =>
      withPage(url, {size, colorScheme}, async page => {
        const shot = name => page.screenshot({path: `${shots}/${real ? 'real' : 'mock'}-${size}-${colorScheme}-${name}.png`});
        await shot('empty');
        await checkAccess(page);
        if (size === 'phone') await page.getByRole('button', {name: 'Steering'}).click();
        await switchOn(page, await firstVector(page));
        await page.locator('#vectors summary').first().click();
        await checkAccess(page);
        await shot('panel');
        await page.locator('#vectors summary').first().click();
        if (size === 'phone') {
          await page.keyboard.press('Escape');
          assert.equal(await page.locator('#panel').isHidden(), true);
          assert.equal(await page.evaluate(() => document.activeElement.id), 'panel-toggle');
          assert.match(await page.locator('#next').textContent(), new RegExp(`^Next answer: ${await firstVector(page)} `));
        }
        await page.getByRole('radio', {name: 'Effect'}).check();
        await ask(page, 'Describe a rainy day in two sentences.');
        await page.locator('article.steered [role=option]').nth(2).waitFor();
        await page.locator('article.steered').getByRole('listbox').focus();
        await page.keyboard.press('ArrowRight');
        await page.keyboard.press('ArrowRight');
        await checkAccess(page);
        await shot('effect');
        await page.getByRole('radio', {name: 'Damage'}).check();
        await shot('damage');
        await checkAccess(page);
      })), done), Promise.resolve());
  },
};
