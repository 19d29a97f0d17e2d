#include "report/page.h"

namespace tiller::report {
namespace {

// Plain old JavaScript against the bundled libraries; must not contain a closing script tag.
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
    vegaEmbed(target, spec, {
      mode: 'vega-lite', renderer: 'svg', ast: true, logLevel: vega.Error, config: theme(), downloadFileName: figure.dataset.name,
      scaleFactor: {png: 3}, tooltip: {theme: dark.matches ? 'dark' : 'light'},
      actions: {export: true, source: false, compiled: false, editor: false}
    }).catch(error => { target.textContent = 'This chart could not be drawn: ' + error.message; });
  }

  const charts = place => place.querySelectorAll('figure.chart');
  const drawNew = place => charts(place).forEach(figure => { if (!drawn.has(figure)) draw(figure); });

  // Charts of a folded section wait until it is opened: a study may have hundreds.
  document.addEventListener('toggle', event => { if (event.target.open) drawNew(event.target); }, true);
  dark.addEventListener('change', () => drawn.forEach(draw));
  let waiting = 0;
  addEventListener('resize', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => drawn.forEach(figure => {
      const target = figure.querySelector('.drawing');
      if (Math.abs(target.clientWidth - Number(target.dataset.width)) > 1) draw(figure);
    }), 150);
  });

  function reveal() {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.tagName === 'DETAILS') { target.open = true; target.scrollIntoView(); }
  }
  addEventListener('hashchange', reveal);

  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details:not([open]):not(.vega-embed details)')];
    opened.forEach(details => { details.open = true; });
    drawNew(document);
  });
  addEventListener('afterprint', () => opened.forEach(details => { details.open = false; }));

  drawNew(document);
  reveal();
})();
)js";

}  // namespace

std::string_view page_script() { return script; }

}  // namespace tiller::report
