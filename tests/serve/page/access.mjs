// What a person without a mouse, without eyes or with a small screen needs, checked in the page.

import assert from 'node:assert/strict';

// Runs in the page: controls without a name, ids used twice, references to nothing, text of too little contrast.
function problemsInPage() {
  const problems = [];
  const seen = element => element.getClientRects().length > 0;
  const named = element => (element.getAttribute('aria-label') ?? '').trim()
    || (element.getAttribute('aria-labelledby') ?? '').split(/\s+/).some(id => document.getElementById(id)?.textContent.trim())
    || [...element.labels ?? []].some(label => label.textContent.trim())
    || (['BUTTON', 'A', 'SUMMARY'].includes(element.tagName) && element.textContent.trim());
  const where = element => element.outerHTML.slice(0, 90);
  for (const element of document.querySelectorAll('button, input, textarea, select, a[href], summary, [tabindex="0"], [role=listbox], [role=radiogroup]'))
    if (seen(element) && !named(element)) problems.push(`no name: ${where(element)}`);
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  for (const id of new Set(ids.filter((one, i) => ids.indexOf(one) !== i))) problems.push(`id used twice: ${id}`);
  for (const attribute of ['aria-describedby', 'aria-labelledby', 'aria-controls', 'aria-activedescendant', 'for'])
    for (const element of document.querySelectorAll(`[${attribute}]`))
      for (const id of element.getAttribute(attribute).split(/\s+/))
        if (!document.getElementById(id)) problems.push(`${attribute} to nothing: ${where(element)}`);
  if (!document.documentElement.lang) problems.push('the document has no language');
  if (document.querySelectorAll('h1').length !== 1 || document.querySelectorAll('main').length !== 1) problems.push('one h1 and one main are expected');

  const parse = colour => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((value, i) => value * a + under[i] * (1 - a));
  const backgroundOf = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(parse(getComputedStyle(at).backgroundColor));
    return layers.reduce((under, layer) => layer.length ? over(layer, under) : under, [255, 255, 255]);
  };
  const luminance = colour => {
    const [r, g, b] = colour.map(value => value / 255).map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const element of document.querySelectorAll('body *')) {
    const ownText = [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!ownText || !seen(element) || element.closest(':disabled, .skip, .hidden, .button:has(:disabled)')) continue;
    let opacity = 1;
    for (let at = element; at; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
    if (opacity === 0) continue;  // a label of a chart that gave way to its neighbours
    const back = backgroundOf(element);
    const style = getComputedStyle(element), colour = element instanceof SVGElement ? style.fill : style.color;
    const front = over([...parse(colour).slice(0, 3), opacity], back);
    const [light, dark] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) problems.push(`contrast ${contrast.toFixed(2)}: ${where(element)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = [...document.querySelectorAll('body *')].find(element => element.getBoundingClientRect().right > innerWidth + 1);
    problems.push(`wider than the window: ${wide ? where(wide) : 'the page'}`);
  }
  return problems;
}

export async function checkAccess(page) {
  assert.deepEqual(await page.evaluate(problemsInPage), []);
}
