// Saves the conversation as a file, and takes one back.

import {compareAsWritten, writeCompare} from './choices.js';
import {renderAll, scrollToEnd} from './conversation.js';
import {byId, download} from './dom.js';
import {notice} from './notice.js';
import {readSettings, writeSettings} from './settings.js';
import {state} from './state.js';
import {fromFile, toFile} from './transcript.js';
import {digestOf, readControls, writeControls} from './vectors.js';

// The parts of an answer that a file keeps: not its element, nor that a comparison is under way.
const kept = ({label, steering, text, tokens, finish: reason, seed, applied, error, compared}) =>
  ({label, steering, text, tokens, finish: reason, seed, applied, error, compared});

function save() {
  const turns = state.turns.map(turn => turn.role === 'user'
    ? {role: 'user', text: turn.text}
    : {role: 'assistant', settings: turn.settings, answers: turn.answers.map(kept), chosen: turn.chosen});
  const controls = readControls().map(control => ({...control, digest: digestOf(control.name)}));
  const file = toFile({model: state.model, settings: readSettings(), controls, compare: compareAsWritten(), turns});
  const stamp = file.saved.slice(0, 19).replace(/[T:]/g, '-');
  download(`tiller-${stamp}.json`, new Blob([JSON.stringify(file, null, 1)], {type: 'application/json'}));
}

async function load(event) {
  const [file] = event.target.files;
  if (!file) return;
  const text = await file.text();
  event.target.value = '';
  let loaded;
  try {
    loaded = fromFile(text);
  } catch (error) {
    notice(`${file.name}: ${error.message}`, 'error');
    return;
  }
  state.turns = loaded.turns;
  writeSettings(loaded.settings);
  writeCompare(loaded.compare);
  const problems = writeControls(loaded.controls);
  if (loaded.model !== state.model) problems.unshift(`It was made with the model ${loaded.model}; this server has ${state.model}.`);
  renderAll();
  scrollToEnd();
  if (problems.length) notice(`${file.name} is loaded, but goes on differently here. ${problems.join(' ')}`);
  else notice(`${file.name} is loaded.`);
}

export function setUpFiles() {
  byId('save').addEventListener('click', save);
  byId('load').addEventListener('change', load);
}
