// The pictures of docs/server.md. The server is meant to be
//   tiller extract mean-diff -m qwen2.5-coder-1.5b -t shakespeare -o vectors/shakespeare.gguf   (and -t formality)
//   tiller serve -m qwen2.5-coder-1.5b --vectors vectors

import {ask, switchOn, withPage} from './browser.mjs';

const folder = process.env.TILLER_PAGE_DOCS;

async function steered(page, tokens) {
  await switchOn(page, 'shakespeare');
  await page.getByLabel('Strength of shakespeare as a number').fill('3');
  await page.getByLabel('Most tokens').fill(String(tokens));
}

async function answered(page, mode, question) {
  await page.getByRole('radio', {name: mode}).check();
  await ask(page, question);
  await page.locator('article.steered [role=option]').first().waitFor({timeout: 60000});
}

export const tests = {
  'desktop, light'({url}) {
    return withPage(url, {}, async page => {
      await page.setViewportSize({width: 1280, height: 800});
      await steered(page, 80);
      await answered(page, 'Effect', 'Why is the sky blue?');
      await page.evaluate(() => document.activeElement.blur());
      await page.locator('article.steered .effect-plus3').nth(1).hover();
      await page.screenshot({path: `${folder}/server-page.png`});
    });
  },

  'phone, dark'({url}) {
    return withPage(url, {size: 'phone', colorScheme: 'dark'}, async page => {
      await page.getByRole('button', {name: 'Steering'}).click();
      await steered(page, 48);
      await page.keyboard.press('Escape');
      await answered(page, 'Damage', 'Invite a friend to dinner.');
      await page.evaluate(() => document.activeElement.blur());
      await page.screenshot({path: `${folder}/server-page-dark.png`});
    });
  },
};
