// What the conversation does: send, answer again, take back, compare.

import {compare, comparedToItself} from './compare.js';
import {requireCompare} from './choices.js';
import {actions, keepingToTheEnd, renderAll, renderTurn, scrollToEnd, showProgress} from './conversation.js';
import {announce, byId, chosenOf} from './dom.js';
import {generate} from './generate.js';
import {clearSettingErrors, readSettings, setMode, showSettingError} from './settings.js';
import {before, lastTurn, newAnswer, state, textOf} from './state.js';
import {planAnswers} from './steering.js';
import {clearVectorErrors, readControls, showVectorError} from './vectors.js';

function setBusy(controller) {
  state.busy = controller;
  byId('stop').hidden = !controller;
  byId('send').hidden = Boolean(controller);
  for (const id of ['new', 'save', 'load']) byId(id).disabled = Boolean(controller);
}

// An error's place in the request tells which control to show it at.
function showAtItsPlace(error, answers) {
  const vector = (error.param ?? '').match(/^steering(?:\[(\d+)\])?\.vectors\[(\d+)\]/);
  if (vector) showVectorError(answers[Number(vector[1] ?? 0)]?.steering?.vectors[Number(vector[2])]?.name, error.message);
  else if (error.param) showSettingError(error.param, error.message);
}

function finish(answer, reason) {
  if (answer.finish === null) answer.finish = reason;
}

async function answerLast() {
  const settings = readSettings();
  const compared = requireCompare();
  if (!compared) return;
  clearSettingErrors();
  clearVectorErrors();
  const {answers: planned, chosen} = planAnswers(readControls(), compared);
  const turn = {role: 'assistant', answers: planned.map(newAnswer), chosen, settings, error: null};
  const context = before(state.turns.length, settings);
  const controller = new AbortController();
  state.turns.push(turn);
  setBusy(controller);
  renderAll();
  scrollToEnd();
  try {
    await generate({context, answers: turn.answers, settings, model: state.model, signal: controller.signal, changed: () => showProgress(turn)});
    turn.answers.forEach(answer => finish(answer, 'stop'));
  } catch (error) {
    if (controller.signal.aborted) {
      turn.answers.forEach(answer => finish(answer, 'stopped'));
    } else {
      turn.answers.forEach(answer => finish(answer, 'error'));
      turn.error = error;
      showAtItsPlace(error, turn.answers);
    }
  }
  setBusy(null);
  // Not with an answer that broke, when there is a whole one.
  const usable = answer => answer.text && !answer.error;
  if (!usable(turn.answers[turn.chosen])) turn.chosen = Math.max(0, turn.answers.findIndex(usable));
  keepingToTheEnd(() => renderTurn(turn));
  announce(turn.answers.map(answer => `${answer.label}: ${answer.error ?? answer.text}`).join('. '));
  compareLast();
}

// Numbers for the colours, for the answers of the last turn that have none yet.
export async function compareLast() {
  const turn = lastTurn();
  if (chosenOf('colours') === 'off' || turn?.role !== 'assistant' || state.busy) return;
  const context = before(state.turns.length - 1, turn.settings ?? readSettings());
  for (const answer of turn.answers) {
    if (!answer.text || answer.compared || answer.comparing) continue;
    if (!answer.steering && comparedToItself(answer)) continue;
    answer.comparing = true;
    answer.compareError = null;
    try {
      answer.compared = await compare(answer, context);
    } catch (error) {
      answer.compareError = error.message;
    }
    answer.comparing = false;
    if (!state.turns.includes(turn)) return;
    keepingToTheEnd(() => renderTurn(turn));
  }
}

// Turns without any text say nothing to the model; the next message takes their place.
function dropFailedTurn() {
  if (lastTurn()?.role === 'assistant' && !textOf(lastTurn())) state.turns.splice(-2);
}

export function send() {
  if (state.busy) return;
  const text = byId('prompt').value;
  const plain = chosenOf('mode') === 'plain';
  dropFailedTurn();
  // A continuation may go on without a word of the user's.
  if (!text.trim() && !(plain && state.turns.length)) return;
  if (!requireCompare()) return;
  state.turns.push({role: 'user', text});
  byId('prompt').value = '';
  fitPrompt();
  answerLast();
}

function again() {
  if (!requireCompare()) return;
  byId('talk').focus({preventScroll: true});  // The button goes.
  state.turns.pop();
  answerLast();
}

function takeBack() {
  const [user] = state.turns.splice(-2);
  byId('prompt').value = user.text;
  renderAll();
  fitPrompt();
  byId('prompt').focus();
}

Object.assign(actions, {again, takeBack, continuePlainly() { setMode('plain'); again(); }});

export function fitPrompt() {
  const field = byId('prompt');
  field.style.height = 'auto';
  field.style.height = `${Math.min(field.scrollHeight + 2, innerHeight / 3)}px`;
}

export function clear() {
  state.turns = [];
  byId('notices').replaceChildren();
  renderAll();
  byId('prompt').focus();
}
