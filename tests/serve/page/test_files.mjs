// Transcripts and vectors as files.

import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {checkAccess} from './access.mjs';
import {ask, lastBody, switchOn, texts, withPage} from './browser.mjs';

async function saved(page) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'Save'}).click()]);
  assert.match(download.suggestedFilename(), /^tiller-[\d-]+\.json$/);
  return JSON.parse(await readFile(await download.path(), 'utf8'));
}

async function load(page, value, name = 'saved.json') {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  await page.getByLabel('Load a transcript').setInputFiles({name, mimeType: 'application/json', buffer: Buffer.from(text)});
  await page.locator('.notice').waitFor();
  return (await page.locator('.notice p').textContent());
}

// The same file, apart from when it was written.
const timeless = ({saved: when, ...rest}) => rest;

async function make(page) {
  await switchOn(page, 'formal');
  await page.getByLabel('Strength of formal as a number').fill('0.65');
  await page.locator('#vectors summary').first().click();
  await page.getByLabel('Layers of formal').fill('9');
  await page.getByRole('radio', {name: 'Several strengths'}).check();
  await page.getByLabel('Multiples').fill('0, 1');
  await page.getByLabel('System message').fill('Be brief.');
  await page.getByLabel('Temperature').fill('0.4');
  await page.getByLabel('Seed').fill('12');
  await page.getByRole('radio', {name: 'Effect'}).check();
  await ask(page, 'Describe a rainy day.');
  await page.locator('article.steered [role=option]').first().waitFor();
  await page.getByRole('radio', {name: 'Go on with this answer'}).first().check();
}

export const tests = {
  'a transcript saved and loaded is the same'({url, mock}) {
    return withPage(url, {}, async page => {
      await make(page);
      const first = await saved(page);
      assert.equal(first.turns[1].chosen, 0);
      assert.match(first.turns[1].answers[1].applied.applied[0].digest, /^sha256:[0-9a-f]{64}$/);
      assert.equal(first.turns[1].answers[1].seed, 13);
      assert.match(first.vectors[0].digest, /^sha256:/);
      const shown = await texts(page);
      await page.reload();
      await page.locator('#vectors li').first().waitFor();
      assert.match(await load(page, first), /saved\.json is loaded\./);
      await page.getByRole('radio', {name: 'Effect'}).check();
      assert.deepEqual(await texts(page), shown);
      assert.equal(await page.locator('article.steered [class*=effect-]').count() > 0, true, 'the colours come from the file');
      assert.deepEqual(timeless(await saved(page)), timeless(first));
      await checkAccess(page);
      await ask(page, 'Go on.');
      const body = lastBody(mock, '/v1/chat/completions');
      assert.deepEqual(body.messages.map(({content}) => content), ['Be brief.', 'Describe a rainy day.', shown[0], 'Go on.']);
      assert.deepEqual(body.steering, [null, {vectors: [{name: 'formal', scale: 0.65, layers: '9'}]}]);
      assert.equal(body.seed, 12);
    });
  },

  'files of another shape are refused with the place'({url}) {
    return withPage(url, {}, async page => {
      await make(page);
      const whole = await saved(page);
      const shown = await texts(page);
      const changed = change => { const copy = structuredClone(whole); change(copy); return copy; };
      for (const [file, words] of [
        ['not json', /is not JSON/],
        [[1, 2], /not a transcript of this page/],
        ['null', /not a transcript of this page/],
        [changed(file => { file.version = 2; }), /has version 2/],
        [changed(file => { file.turns[0].role = 'robot'; }), /turns\[0\]\.role should be one of user, and is "robot"/],
        [changed(file => { file.turns[1].chosen = 7; }), /turns\[1\]\.chosen is 7/],
        [changed(file => { delete file.turns[1].answers[0].text; }), /turns\[1\]\.answers\[0\]\.text should be a text, and is missing/],
        [changed(file => { file.turns[1].answers[1].steering.vectors[0].scale = 'much'; }), /answers\[1\]\.steering\.vectors\[0\]\.scale should be a number/],
        [changed(file => { file.turns[1].answers[1].compared.steered.pop(); }), /compared\.steered has \d+ numbers for \d+ tokens/],
        [changed(file => { file.settings.mode = 'opera'; }), /settings\.mode should be one of chat, plain/],
        [changed(file => { file.vectors[0].on = 'yes'; }), /vectors\[0\]\.on should be a true or false/],
      ]) {
        assert.match(await load(page, file), words);
        assert.deepEqual(await texts(page), shown, 'a refused file changes nothing');
        await page.getByRole('button', {name: 'Close this notice'}).click();
      }
    });
  },

  'a transcript says what this server does not have'({url}) {
    return withPage(url, {}, async page => {
      await make(page);
      const file = await saved(page);
      file.model = 'other-7b';
      file.vectors[0].digest = 'sha256:other';
      file.vectors.push({name: 'gone', on: true, strength: 1, layers: '', digest: null});
      const words = await load(page, file);
      assert.match(words, /made with the model other-7b; this server has mock-270m/);
      assert.match(words, /vector formal is another one than the transcript's \(sha256:other\)/);
      assert.match(words, /no vector gone/);
    });
  },

  'a vector is uploaded, and replaced on request only'({url}) {
    return withPage(url, {expected: [/status of (400|409)/]}, async page => {
      const choose = (name, text) => page.getByLabel('Upload a vector (GGUF file)').setInputFiles({name, mimeType: 'application/octet-stream', buffer: Buffer.from(text)});
      await switchOn(page, 'formal');
      await choose('my cheerful.gguf', 'GGUF one');
      await page.getByRole('checkbox', {name: 'my-cheerful', exact: true}).waitFor();
      assert.equal(await page.getByRole('checkbox', {name: 'formal', exact: true}).isChecked(), true, 'the other controls stay as they were');
      await choose('my cheerful.gguf', 'GGUF two');
      assert.match(await page.locator('#upload-answer .error').textContent(), /Another vector has the name "my-cheerful"/);
      await page.getByRole('button', {name: 'Replace my-cheerful'}).click();
      await page.locator('#upload-answer [role=status]').waitFor();
      await choose('picture.gguf', 'JPEG');
      await page.locator('#upload-answer .error').waitFor();
      assert.match(await page.locator('#upload-answer .error').textContent(), /not a GGUF file/);
    });
  },
};
