// An answer's text as tokens that can be looked at: a list box, so that one Tab reaches it and arrow keys walk in it.

import {byId, make} from './dom.js';
import {changeInWords, damageLevel, effectLevel, levelClass, legends, percent, pieces} from './heat.js';

let count = 0;
let shownFor = null;

export function tokenList(compared, mode, label) {
  const list = make('div', {class: 'text tokens', role: 'listbox', tabindex: '0', 'aria-label': label});
  for (const piece of pieces(compared)) {
    const level = mode === 'effect' ? effectLevel(piece.unsteered, piece.steered) : damageLevel(piece.unsteered);
    const option = make('span', {
      role: 'option', id: `token-${++count}`, class: levelClass(mode, level), 'aria-selected': 'false',
      'aria-label': `${piece.text.trim() || 'white space'}: ${percent(piece.steered)} with steering, ${percent(piece.unsteered)} without`,
    }, piece.text);
    option.piece = piece;
    list.append(option);
  }
  list.addEventListener('pointerover', event => { if (event.target.piece) point(list, event.target); });
  list.addEventListener('pointerdown', event => { if (event.target.piece) point(list, event.target); });
  list.addEventListener('pointerleave', () => { if (document.activeElement !== list) leave(list); });
  list.addEventListener('focus', () => point(list, active(list) ?? list.firstElementChild));
  list.addEventListener('blur', () => leave(list));
  list.addEventListener('keydown', event => walk(list, event));
  return list;
}

const active = list => list.querySelector('[aria-selected="true"]');

function point(list, option) {
  if (!option) return;
  active(list)?.setAttribute('aria-selected', 'false');
  option.setAttribute('aria-selected', 'true');
  list.setAttribute('aria-activedescendant', option.id);
  showTip(option);
}

function leave(list) {
  active(list)?.setAttribute('aria-selected', 'false');
  list.removeAttribute('aria-activedescendant');
  byId('tip').hidden = true;
}

function walk(list, event) {
  const options = [...list.children];
  const at = options.indexOf(active(list));
  const to = {ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: options.length - 1}[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const option = options[Math.max(0, Math.min(options.length - 1, to))];
  option.scrollIntoView({block: 'nearest'});
  point(list, option);
}

function showTip(option) {
  const tip = byId('tip');
  const {text, unsteered, steered} = option.piece;
  tip.replaceChildren(
    make('code', {}, JSON.stringify(text)),
    make('dl', {},
      make('dt', {}, 'with steering'), make('dd', {}, percent(steered)),
      make('dt', {}, 'without'), make('dd', {}, percent(unsteered))),
    make('p', {}, changeInWords(unsteered, steered)));
  tip.hidden = false;
  shownFor = option;
  placeTip();
}

// Where the token is now: the page may have scrolled.
export function placeTip() {
  const tip = byId('tip');
  if (tip.hidden) return;
  if (!shownFor.isConnected) {
    tip.hidden = true;
    return;
  }
  // A token that a line break cuts has two boxes; the white space before a word is the small one.
  const [place] = [...shownFor.getClientRects()].sort((a, b) => b.width - a.width).concat(shownFor.getBoundingClientRect());
  const left = Math.max(8, Math.min(place.left, document.documentElement.clientWidth - tip.offsetWidth - 8));
  const below = place.bottom + 6;
  const top = below + tip.offsetHeight > innerHeight ? place.top - tip.offsetHeight - 6 : below;
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
}

export function hideTip() { byId('tip').hidden = true; }

export function showLegend(mode) {
  const place = byId('legend');
  const legend = legends[mode];
  place.replaceChildren();
  if (!legend) return;
  place.append(make('span', {class: 'quiet'}, legend.title),
    ...legend.entries.map(([level, words]) => make('span', {class: `sample ${levelClass(mode, level)}`}, words)));
}
