// A browser with a page of the server, or a report, in it. Everything that the page's console says, and every breach of its content
// security policy, fails the test unless it is expected by name.

import assert from 'node:assert/strict';
import {createRequire} from 'node:module';

const {chromium} = createRequire(`${process.env.PAGE_TEST_MODULES}/`)('playwright-core');

export const sizes = {desktop: {width: 1280, height: 860}, phone: {width: 390, height: 844}};

let browser = null;

export async function launch() {
  browser = await chromium.launch({executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu']});
}

export const quit = () => browser?.close();

// Calls `use(page)` when an element of the selector `ready` is there. `expected` are patterns of console lines that belong to the test: a browser reports every answer
// of 400 and above.
export async function withPage(url, {size = 'desktop', colorScheme = 'light', expected = [], reducedMotion = 'reduce', ready = '#vectors li, #vectors-status:not(:empty), #key:not([hidden])'} = {}, use) {
  const context = await browser.newContext({viewport: sizes[size], colorScheme, reducedMotion, acceptDownloads: true, hasTouch: size === 'phone'});
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.PAGE_TEST_TIMEOUT ?? 15000));
  const complaints = [];
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()); });
  page.on('pageerror', error => complaints.push(`uncaught: ${error.message}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', event => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  try {
    await page.goto(url);
    await page.locator(ready).first().waitFor({state: 'attached'});
    await use(page);
    const left = complaints.filter(line => !expected.some(pattern => pattern.test(line)));
    assert.deepEqual(left, [], 'the console says nothing');
  } finally {
    await context.close();
  }
}

// Switches a vector on at its own strength.
export const switchOn = (page, name) => page.getByRole('checkbox', {name, exact: true}).check();

export async function ask(page, text, {wait = true} = {}) {
  await page.locator('#prompt').fill(text);
  await page.locator('#prompt').press('Enter');
  // The button comes back when the answer is whole, or has failed.
  if (wait) await page.locator('#send').waitFor({timeout: 120000});
}

export const texts = async page => (await page.locator('.turn.assistant').last().locator('.text').allTextContents());

export const lastBody = (mock, path) => mock.log.filter(entry => entry.path === path).at(-1)?.body;
