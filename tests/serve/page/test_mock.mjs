// Tests of what a working server does not do on request: failures, keys, models without a chat format.

import assert from 'node:assert/strict';
import {checkAccess} from './access.mjs';
import {ask, lastBody, switchOn, texts, withPage} from './browser.mjs';
import {reply} from './mock_model.mjs';

const http = status => new RegExp(`status of ${status}`);

export const tests = {
  'the request says what the panel says, and nothing else'({url, mock}) {
    return withPage(url, {}, async page => {
      await switchOn(page, 'formal');
      await switchOn(page, 'verbose');
      await page.getByLabel('Strength of verbose as a number').fill('-0.3');
      await page.locator('#vectors summary').first().click();
      await page.getByLabel('Layers of formal').fill('8-12');
      await page.getByLabel('System message').fill('Be brief.');
      await page.getByLabel('Temperature').fill('0.7');
      await page.getByLabel('Top p').fill('0.9');
      await page.getByLabel('Most tokens').fill('30');
      await page.getByLabel('Seed').fill('5');
      await ask(page, 'Hello');
      assert.deepEqual(lastBody(mock, '/v1/chat/completions'), {
        model: 'mock-270m', messages: [{role: 'system', content: 'Be brief.'}, {role: 'user', content: 'Hello'}],
        temperature: 0.7, top_p: 0.9, max_tokens: 30, seed: 5, stream: true, logprobs: true, n: 2,
        steering: [null, {vectors: [{name: 'formal', scale: 0.8, layers: '8-12'}, {name: 'verbose', scale: -0.3}]}],
      });
      assert.match(await page.locator('article').nth(1).locator('footer').textContent(), /seed 6/);
    });
  },

  'steered only is one choice, and a strength of 0 is unsteered'({url, mock}) {
    return withPage(url, {}, async page => {
      await switchOn(page, 'formal');
      await page.getByRole('radio', {name: 'Steered only'}).check();
      await ask(page, 'Hello');
      const body = lastBody(mock, '/v1/chat/completions');
      assert.equal('n' in body, false);
      assert.deepEqual(body.steering, {vectors: [{name: 'formal', scale: 0.8}]});
      assert.match(await page.locator('article footer').textContent(), /Applied: 2 edits/);
      await page.getByLabel('Strength of formal as a number').fill('0');
      await ask(page, 'Hello');
      assert.equal('steering' in lastBody(mock, '/v1/chat/completions'), false);
    });
  },

  'text that the network cuts within characters is whole'({url}) {
    return withPage(url, {}, async page => {
      await switchOn(page, 'formal');
      await ask(page, 'Hello');
      assert.deepEqual(await texts(page), [reply('Hello', null), reply('Hello', {vectors: [{scale: 0.8}]})]);
      await page.getByRole('radio', {name: 'Effect'}).check();
      await page.locator('article.steered [role=option]').first().waitFor();
      // The cloud's two tokens are one piece, and the answer has one option fewer than tokens.
      assert.deepEqual(await texts(page), [reply('Hello', null), reply('Hello', {vectors: [{scale: 0.8}]})]);
    });
  },

  'the comparison asks for the answer\'s own tokens and shows the numbers'({url, mock}) {
    return withPage(url, {}, async page => {
      await switchOn(page, 'formal');
      await ask(page, 'Hello');
      await page.getByRole('radio', {name: 'Effect'}).check();
      await page.locator('article.steered [role=option]').first().waitFor();
      const body = lastBody(mock, '/v1/logprobs');
      assert.deepEqual(body.steering, [null, {vectors: [{name: 'formal', scale: 0.8}]}]);
      assert.ok(body.continuation.length > 5 && body.continuation.every(Number.isInteger));
      assert.deepEqual(body.messages, [{role: 'user', content: 'Hello'}]);
      // mock_model.mjs: the second token has -0.4 without and -0.01 with steering, the fifth -5.2 and -0.3.
      const option = i => page.locator('article.steered [role=option]').nth(i);
      assert.equal(await option(1).getAttribute('aria-label'), 'continues: 99 % with steering, 67 % without');
      assert.equal(await option(4).getAttribute('class'), 'effect-plus3');
      assert.equal(await option(5).getAttribute('class'), 'effect-minus3');
      await option(4).hover();
      assert.match(await page.locator('#tip').textContent(), /134 times likelier through steering/);
      await page.getByRole('radio', {name: 'Damage'}).check();
      assert.deepEqual(await Promise.all([0, 2, 3, 4, 5].map(i => option(i).getAttribute('class'))), ['', '', 'damage-plus1', 'damage-plus2', 'damage-plus3']);
      assert.equal(mock.log.filter(entry => entry.path === '/v1/logprobs').length, 1);
    });
  },

  'Escape and the button stop an answer, and its text stays'({url, mock}) {
    return withPage(url, {}, async page => {
      for (const stop of [() => page.keyboard.press('Escape'), () => page.getByRole('button', {name: 'Stop'}).click()]) {
        const before = mock.gone.length;
        await ask(page, 'fail: slow', {wait: false});
        const article = page.locator('article').last();
        await page.waitForFunction(() => [...document.querySelectorAll('article .text')].at(-1)?.textContent.length > 5);
        assert.equal(await page.getByRole('button', {name: 'Send'}).isHidden(), true);
        const animation = () => [...document.querySelectorAll('article .text')].map(text => getComputedStyle(text, '::after').animationName).at(-1);
        assert.equal(await page.evaluate(animation), 'none', 'nothing moves for those who want it so');
        await stop();
        await article.and(page.locator('[aria-busy=false]')).waitFor();
        const text = await article.locator('.text').textContent();
        assert.ok(text.length > 5 && reply('', null).startsWith(text) && text !== reply('', null));
        assert.match(await article.textContent(), /stopped by you/);
        for (let i = 0; i < 50 && mock.gone.length === before; ++i) await page.waitForTimeout(20);
        assert.equal(mock.gone.length, before + 1, 'the server sees that the client has gone');
      }
    });
  },

  'failures are shown where they happen'({url, shots}) {
    return withPage(url, {expected: [http(429), /ERR_INCOMPLETE_CHUNKED|net::ERR/]}, async page => {
      await switchOn(page, 'formal');
      await ask(page, 'fail: queue');
      assert.equal(await page.locator('.turn.assistant > .error').textContent(), 'The queue is full: 256 rows wait already. Try again in a moment.');
      await ask(page, 'fail: middle');
      // The turn without any text has made room.
      assert.equal(await page.locator('.turn.user').count(), 1);
      assert.equal(await page.locator('.turn.assistant > .error').last().textContent(), 'The engine failed: out of memory.');
      assert.ok((await texts(page))[0].length > 5);
      await ask(page, 'fail: cut');
      assert.match(await page.locator('.turn.assistant > .error').last().textContent(), /^The connection ended before the answer did\.$/);
      await ask(page, 'fail: broke');
      const broken = page.locator('.turn.assistant').last();
      assert.equal(await broken.locator(':scope > .error').count(), 0);
      assert.equal(await broken.locator('article.steered .error').textContent(), 'The numbers became infinite under formal:0.8.');
      assert.equal((await texts(page))[0], reply('', null));
      // The answer that broke is not the one to go on with.
      assert.equal(await broken.getByRole('radio', {name: 'Go on with this answer'}).first().isChecked(), true);
      await checkAccess(page);
      await page.screenshot({path: `${shots}/failures.png`});
    });
  },

  'sliders reach three times the own strength'({url}) {
    return withPage(url, {}, async page => {
      assert.deepEqual(await page.locator('#vectors .ends').allTextContents(), ['−2.402.4', '−0.300.3']);
    });
  },

  'a refused setting is marked'({url}) {
    return withPage(url, {expected: [http(400)]}, async page => {
      await page.getByLabel('Temperature').fill('9');
      await ask(page, 'Hello');
      assert.match(await page.locator('.field[data-param=temperature]').textContent(), /temperature is 9; expected 0 to 5/);
      assert.equal(await page.getByLabel('Temperature').getAttribute('aria-invalid'), 'true');
    });
  },

  'strengths that are no numbers are not sent'({url, mock}) {
    return withPage(url, {}, async page => {
      await switchOn(page, 'formal');
      await page.getByRole('radio', {name: 'Several strengths'}).check();
      await page.getByLabel('Multiples').fill('0, half');
      await page.locator('#prompt').fill('Hello');
      await page.locator('#prompt').press('Enter');
      assert.match(await page.locator('#multiples-error').textContent(), /"half" is not a number/);
      assert.equal(await page.evaluate(() => document.activeElement.id), 'multiples');
      assert.equal(await page.locator('#prompt').inputValue(), 'Hello');
      assert.equal(lastBody(mock, '/v1/chat/completions'), undefined);
    });
  },

  async 'a key is asked for once, sent, and forgotten with the tab'({start, shots}) {
    const mock = await start({key: 'open sesame'});
    return withPage(mock.url, {expected: [http(401)]}, async page => {
      assert.match(await page.locator('#key-reason').textContent(), /wants an API key/);
      await checkAccess(page);
      await page.screenshot({path: `${shots}/key.png`});
      await page.getByLabel('API key').fill('wrong');
      await Promise.all([page.waitForResponse(response => response.status() === 401), page.getByRole('button', {name: 'Use this key'}).click()]);
      await page.locator('#key').waitFor();
      await page.getByLabel('API key').fill('open sesame');
      await page.getByLabel('API key').press('Enter');
      await page.locator('#vectors li').first().waitFor();
      assert.equal(await page.locator('#key').isHidden(), true);
      await ask(page, 'Hello');
      assert.deepEqual(await texts(page), [reply('Hello', null)]);
      assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length]), [0, 1]);
      await page.locator('#vectors summary').first().click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', {name: 'Download'}).first().click()]);
      assert.equal(download.suggestedFilename(), 'formal.gguf');
    });
  },

  async 'a model without a chat format continues texts'({start}) {
    const mock = await start({template: false});
    return withPage(mock.url, {expected: [http(400)]}, async page => {
      await page.locator('.notice').waitFor();
      assert.match(await page.locator('.notice').textContent(), /continues your text instead\. The server says: This model has no chat template/);
      assert.equal(await page.getByRole('button', {name: 'Continue'}).count(), 1);
      await checkAccess(page);
      await switchOn(page, 'formal');
      await page.getByRole('radio', {name: 'Effect'}).check();
      await ask(page, 'The film was');
      assert.equal(lastBody(mock, '/v1/completions').prompt, 'The film was');
      await page.locator('article.steered [role=option]').first().waitFor();
      assert.equal(typeof lastBody(mock, '/v1/logprobs').continuation, 'string');
      assert.equal(lastBody(mock, '/v1/completions').special, false);
      await page.getByRole('radio', {name: 'Damage'}).check();
      await page.locator('article.unsteered [role=option]').first().waitFor();
      const [, steered] = await texts(page);
      await ask(page, '');
      assert.equal(lastBody(mock, '/v1/completions').prompt, `The film was${steered}`);
      // Asked for as a chat all the same, the server's words come with a way on.
      await page.getByRole('button', {name: 'New'}).click();
      await page.getByRole('radio', {name: /^Chat/}).check();
      await ask(page, 'The film was');
      assert.match(await page.locator('.turn.assistant > .error').textContent(), /no chat template/);
      await page.getByRole('button', {name: 'Continue it as plain text'}).click();
      await page.locator('article[aria-busy=false]').nth(1).waitFor();
      assert.equal(lastBody(mock, '/v1/completions').prompt, 'The film was');
    });
  },

  'text of the model and of files is never markup'({url}) {
    return withPage(url, {}, async page => {
      await ask(page, 'echo the last: <img src=x onerror=alert(1)> <b>bold</b>');
      assert.equal((await texts(page))[0], 'echo the last: <img src=x onerror=alert(1)> <b>bold</b>');
      assert.equal(await page.locator('#talk img, #talk b').count(), 0);
    });
  },
};
