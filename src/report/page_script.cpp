#include "report/page.h"

namespace tiller::report {
namespace {

// JavaScript that uses the embedded chart libraries. Must not contain a closing script tag.
constexpr std::string_view script = R"js(
(() => {
  'use strict';
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const drawn = new Set();
  const variable = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Colours are named in the data, so that a chart follows the reader's mode.
  function coloured(key, value) {
    if (typeof value === 'string' && /^var\(--[a-z0-9]+\)$/.test(value)) return variable(value.slice(4, -1));
    if (value && value.range === 'layers') {
      const between = vega.interpolateColors(['--early', '--between', '--late'].map(variable), 'lab');
      const n = value.domain.length;
      value.range = value.domain.map((_, i) => between(n > 1 ? i / (n - 1) : 0));
    }
    return value;
  }

  function theme() {
    const ink = variable('--ink'), quiet = variable('--quiet'), faint = variable('--faint');
    const font = getComputedStyle(document.body).fontFamily;
    return {
      background: variable('--page'), font, padding: {left: 2, right: 4, top: 4, bottom: 2},
      view: {stroke: null},
      axis: {labelColor: ink, titleColor: quiet, titleFontWeight: 400, titleFontSize: 12, labelFontSize: 12,
             gridColor: faint, domainColor: quiet, tickColor: quiet, tickSize: 4, labelPadding: 4},
      legend: {labelColor: ink, titleColor: quiet, titleFontWeight: 400, titleFontSize: 12, labelFontSize: 12},
      header: {labelColor: ink, titleColor: quiet, labelFontSize: 12, labelPadding: 4}
    };
  }

  function sized(spec, panels, width) {
    if (!spec.facet) {
      spec.width = width;
      spec.autosize = {type: 'fit-x', contains: 'padding'};
      return spec;
    }
    // Panels are sized by what they draw in: leave room for the axis and the gaps.
    const columns = Math.max(1, Math.min(panels, Math.floor(width / 190)));
    spec.columns = columns;
    spec.spacing = 18;
    spec.spec.width = Math.max(90, Math.floor((width - 58 - 18 * (columns - 1)) / columns));
    return spec;
  }

  function draw(figure) {
    const target = figure.querySelector('.drawing');
    if (figure.closest('details:not([open])')) return;
    drawn.add(figure);
    const source = figure.querySelector('script[type="application/json"]').textContent;
    const spec = sized(JSON.parse(source, coloured), Number(figure.dataset.panels), target.clientWidth);
    target.dataset.mode = dark.matches ? 'dark' : 'light';
    target.dataset.width = target.clientWidth;
    spec.description = figure.getAttribute('aria-label');
    vegaEmbed(target, spec, {
      mode: 'vega-lite', renderer: 'svg', ast: true, logLevel: vega.Error, config: theme(),
      tooltip: {theme: dark.matches ? 'dark' : 'light'}, actions: false
    }).then(() => { figure.querySelector('.save').hidden = false; }).catch(error => { target.textContent = 'This chart could not be drawn: ' + error.message; });
  }

  const charts = place => place.querySelectorAll('figure.chart');
  const drawNew = place => charts(place).forEach(figure => { if (!drawn.has(figure)) draw(figure); });

  // Charts of a folded section wait until it is opened: a study may have hundreds.
  document.addEventListener('toggle', event => { if (event.target.open) { drawNew(event.target); frames(); } }, true);
  dark.addEventListener('change', () => drawn.forEach(draw));
  let waiting = 0;
  addEventListener('resize', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { frames(); drawn.forEach(figure => {
      const target = figure.querySelector('.drawing');
      if (Math.abs(target.clientWidth - Number(target.dataset.width)) > 1) draw(figure);
    }); }, 150);
  });

  function reveal() {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === 'DETAILS') { target.open = true; target.scrollIntoView(); }
  }
  addEventListener('hashchange', reveal);

  // Only a frame that scrolls needs the keyboard.
  function frames() {
    document.querySelectorAll('.scroll').forEach(frame => {
      if (frame.scrollWidth > frame.clientWidth + 1) frame.tabIndex = 0;
      else frame.removeAttribute('tabindex');
    });
  }

  // What is done is said once, for those who do not see the button change.
  const said = document.createElement('p');
  said.className = 'unseen';
  said.setAttribute('role', 'status');
  document.body.append(said);
  function done(button, text) {
    const before = button.dataset.label || (button.dataset.label = button.textContent);
    button.textContent = said.textContent = text;
    setTimeout(() => { button.textContent = before; said.textContent = ''; }, 2000);
  }

  function copy(button) {
    const code = button.previousElementSibling;
    const select = () => {
      getSelection().selectAllChildren(code);
      done(button, document.execCommand('copy') ? 'Copied' : 'Selected');
    };
    if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(() => done(button, 'Copied'), select);
    else select();
  }

  // A picture of its own: colours that the page's style sheet names are written out.
  function standalone(svg) {
    const copied = svg.cloneNode(true), from = [...svg.querySelectorAll('*')];
    [...copied.querySelectorAll('*')].forEach((element, i) => {
      if (!(element.getAttribute('style') || '').includes('var(')) return;
      const style = getComputedStyle(from[i]);
      for (const name of ['fill', 'stroke', 'stroke-width']) element.setAttribute(name, style.getPropertyValue(name));
      element.removeAttribute('style');
    });
    return copied;
  }

  const make = (name, attributes, text) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (text) element.textContent = text;
    return element;
  };

  // The rows' pictures below each other, with the tasks, the methods and the legend.
  function answersPicture(section) {
    const rows = [...section.querySelectorAll('.answers tbody tr')].filter(row => row.querySelector('svg'));
    const step = 52, width = 760, height = 58 + step * rows.length;
    const all = make('svg', {viewBox: `0 0 ${width} ${height}`, width, height, 'font-size': 12,
                             'font-family': getComputedStyle(document.body).fontFamily});
    const text = (x, y, line, colour = '--ink') => all.append(make('text', {x, y, fill: variable(colour)}, line));
    const place = (svg, x, y, wide, high) => {
      const part = standalone(svg);
      Object.entries({x, y, width: wide, height: high}).forEach(([key, value]) => part.setAttribute(key, value));
      all.append(part);
    };
    all.append(make('rect', {width, height, fill: variable('--page')}));
    let x = 8;
    section.querySelectorAll('.answer-legend .legend span').forEach(span => {
      if (span.querySelector('svg')) place(span.querySelector('svg'), x, 8, 12, 12);
      if (span.querySelector('svg')) text(x + 16, 18, span.textContent);
      x += 40 + 6.6 * span.textContent.length;
    });
    rows.forEach((row, i) => {
      const y = 34 + step * i;
      text(8, y + 20, (row.querySelector('th a') || row.querySelector('th')).textContent);
      row.querySelectorAll('th small').forEach(small => text(8, y + 34, small.textContent, '--quiet'));
      place(row.querySelector('.picture svg'), 190, y, 240, 44);
      const method = row.querySelector('.method');
      text(446, y + 18, method.firstChild.textContent);
      [...method.querySelectorAll('small')].forEach((small, line) => text(446, y + 33 + 13 * line, small.innerText.replace(/\n/g, ' '), '--quiet'));
    });
    place(section.querySelector('.axis'), 190, height - 20, 240, 12);
    return all;
  }

  function save(button) {
    const figure = button.closest('figure'), section = button.closest('section');
    const svg = figure ? standalone(figure.querySelector('.drawing svg')) : answersPicture(section);
    svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(svg)], {type: 'image/svg+xml'}));
    link.download = (figure ? figure.dataset.name : section.id).replace(/[^A-Za-z0-9._-]+/g, '-') + '.svg';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    done(button, 'Saved');
  }

  function unfold(button) {
    const tasks = [...document.querySelectorAll('details.task')], open = tasks.some(task => !task.open);
    tasks.forEach(task => { task.open = open; });
    button.textContent = open ? 'Fold all tasks' : 'Unfold all tasks';
  }

  const actions = {copy, save, unfold};
  document.addEventListener('click', event => {
    const button = event.target.closest && event.target.closest('button');
    const name = button && Object.keys(actions).find(known => button.classList.contains(known));
    if (name) actions[name](button);
  });
  document.querySelectorAll('.copy, .unfold, .answer-legend .save').forEach(button => { button.hidden = false; });

  drawNew(document);
  frames();
  reveal();
})();
)js";

}  // namespace

std::string_view page_script() { return script; }

}  // namespace tiller::report
