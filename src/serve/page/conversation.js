// The conversation on the page: one element per turn, made anew from the state whenever a turn changes.

import {comparedToItself} from './compare.js';
import {byId, chosenOf, make} from './dom.js';
import {shownPerplexity} from './heat.js';
import {lastTurn, state} from './state.js';
import {describe} from './steering.js';
import {hideTip, tokenList} from './tokens.js';

// What a turn's buttons do; main.js fills it in.
export const actions = {again() {}, takeBack() {}, continuePlainly() {}};

const finishes = {
  stop: 'ended by itself', length: 'cut at the limit of tokens', stopped: 'stopped by you', error: 'failed',
};

// The numbers behind the colours. The unsteered answer is compared with nothing but itself.
const comparisonOf = answer => answer.compared ?? (answer.steering ? null : comparedToItself(answer));

function textElement(answer) {
  const mode = chosenOf('colours');
  const compared = mode === 'off' || answer.finish === null ? null : comparisonOf(answer);
  if (compared?.tokens.length) return tokenList(compared, mode, `Tokens of the answer: ${answer.label}`);
  return make('div', {class: 'text'}, answer.text);
}

function meters(answer) {
  const compared = chosenOf('colours') === 'off' ? null : comparisonOf(answer);
  if (!compared?.tokens.length) return null;
  const own = answer.steering ? `, to the steered one ${shownPerplexity(compared.steered)}` : '';
  return make('p', {class: 'small', title: 'exp of the mean surprise of a token: 1 is no surprise'},
    `Perplexity to the unsteered model ${shownPerplexity(compared.unsteered)}${own}`);
}

function appliedDetails({applied}) {
  if (!applied) return null;
  const list = make('dl', {class: 'small'});
  for (const {name, digest, strength, operation, site, positions, layers} of applied.applied ?? []) {
    list.append(
      make('dt', {}, name ?? 'inline'),
      make('dd', {}, `${operation} ${strength} at ${site}, ${positions}, layers ${layers?.join(', ') ?? 'not given'}`, make('br'), make('span', {class: 'digest quiet'}, digest ?? '')));
  }
  return make('details', {class: 'small'}, make('summary', {}, `Applied: ${applied.edits} ${applied.edits === 1 ? 'edit' : 'edits'}`), list);
}

function footOf(answer, turn, index, isLast) {
  const foot = make('footer', {});
  const facts = [finishes[answer.finish] ?? answer.finish];
  if (answer.tokens.length) facts.unshift(`${answer.tokens.length} ${answer.tokens.length === 1 ? 'token' : 'tokens'}`);
  // At temperature 0 nothing is drawn.
  if (answer.seed !== null && turn.settings.temperature !== 0) facts.push(`seed ${answer.seed}`);
  foot.append(make('p', {class: 'quiet small'}, facts.join(' · ')));
  const meter = meters(answer);
  if (meter) foot.append(meter);
  if (answer.compareError) foot.append(make('p', {class: 'error small', role: 'alert'}, answer.compareError));
  const details = appliedDetails(answer);
  if (details) foot.append(details);
  if (turn.answers.length === 1 || !answer.text) return foot;
  if (isLast) {
    const radio = make('input', {
      type: 'radio', name: `chosen-${state.turns.indexOf(turn)}`, checked: turn.chosen === index,
      onchange: () => { turn.chosen = index; markChosen(turn); },
    });
    foot.append(make('label', {class: 'choice'}, radio, make('span', {}, 'Go on with this answer')));
  } else if (turn.chosen === index) {
    // Later turns build on the choice, so that it stands once they are there.
    foot.append(make('p', {class: 'small quiet'}, 'The conversation went on with this answer'));
  }
  return foot;
}

function markChosen(turn) {
  turn.element.querySelectorAll('article').forEach((article, i) =>
    article.classList.toggle('chosen', turn.answers.length > 1 && i === turn.chosen));
}

function answerElement(answer, turn, index, isLast) {
  const head = make('header', {}, make('h3', {}, answer.label), make('p', {class: 'small quiet'}, answer.steering ? describe(answer.steering) : ' '));
  const article = make('article', {class: answer.steering ? 'steered' : 'unsteered', 'aria-busy': String(answer.finish === null)}, head);
  const text = textElement(answer);
  if (answer.finish === null) {
    text.classList.add('coming');
    text.classList.toggle('waiting', !answer.text);
  }
  article.append(text);
  if (answer.error) article.append(make('p', {class: 'error', role: 'alert'}, answer.error));
  if (answer.finish !== null) article.append(footOf(answer, turn, index, isLast));
  answer.element = text;
  return article;
}

function answersElement(turn, isLast) {
  const grid = make('div', {class: 'answers', 'data-count': String(turn.answers.length)},
    ...turn.answers.map((answer, i) => answerElement(answer, turn, i, isLast)));
  const element = make('div', {class: 'turn assistant'}, grid);
  if (turn.error) {
    element.append(make('p', {class: 'error', role: 'alert'}, turn.error.message));
    if (turn.error.code === 'no_chat_template')
      element.append(make('button', {type: 'button', class: 'main', onclick: () => actions.continuePlainly()}, 'Continue it as plain text'));
  }
  if (isLast && !state.busy) {
    element.append(make('p', {class: 'line'},
      make('button', {type: 'button', class: 'small', onclick: () => actions.again()}, 'Answer again'),
      make('button', {type: 'button', class: 'small', onclick: () => actions.takeBack()}, 'Take back')));
  }
  return element;
}

// The element that had the focus has a counterpart of the same kind in the new one.
function replaceKeepingFocus(old, element) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const kind = focused && (focused.getAttribute('role') ? `[role=${focused.getAttribute('role')}]` : focused.tagName);
  const index = focused ? [...old.querySelectorAll(kind)].indexOf(focused) : -1;
  old.replaceWith(element);
  if (focused) element.querySelectorAll(kind)[index]?.focus({preventScroll: true});
}

export function renderTurn(turn) {
  const element = turn.role === 'user'
    ? make('div', {class: 'turn user'}, make('h3', {class: 'hidden'}, 'You'), make('div', {class: 'text'}, turn.text))
    : answersElement(turn, turn === lastTurn());
  if (turn.element?.isConnected) replaceKeepingFocus(turn.element, element);
  else byId('talk').append(element);
  turn.element = element;
  if (turn.role === 'assistant') markChosen(turn);
}

export function renderAll() {
  const talk = byId('talk');
  hideTip();
  talk.replaceChildren();
  for (const turn of state.turns) {
    turn.element = null;
    renderTurn(turn);
  }
  if (!state.turns.length) {
    talk.append(make('div', {class: 'empty'},
      make('p', {}, 'Ask the model something.'),
      make('p', {class: 'quiet'}, 'With a vector on, you see its answer without steering and with it, side by side.')));
  }
}

const place = () => matchMedia('(min-width: 900px)').matches ? byId('talk') : document.scrollingElement;

// Follows the text as it grows, but not for a reader who has scrolled up.
export function keepingToTheEnd(change) {
  const scroller = place();
  const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
  change();
  if (atEnd) scroller.scrollTop = scroller.scrollHeight;
}

export function scrollToEnd() { place().scrollTop = place().scrollHeight; }

// Cheap enough for every chunk: only texts that grew are touched.
export function showProgress(turn) {
  keepingToTheEnd(() => {
    for (const answer of turn.answers) {
      const {element, text} = answer;
      if (element.textContent !== text) element.textContent = text;
      element.classList.toggle('waiting', !text);
      if (answer.finish !== null) element.classList.remove('coming');
    }
  });
}
