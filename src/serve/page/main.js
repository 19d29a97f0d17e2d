// The page: what happens when.

import * as api from './api.js';
import {setUpChoices} from './choices.js';
import {keepingToTheEnd, renderAll, renderTurn} from './conversation.js';
import {byId, chosenOf} from './dom.js';
import {setUpFiles} from './files.js';
import {setUpKey} from './key.js';
import {notice} from './notice.js';
import {setMode} from './settings.js';
import {lastTurn, state} from './state.js';
import {clear, compareLast, fitPrompt, send} from './talk.js';
import {hideTip, placeTip, showLegend} from './tokens.js';
import {refreshVectors, setUpUpload} from './vectors.js';

function setUpKeys() {
  byId('prompt').addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    hideTip();
    state.busy?.abort();
  });
}

function setUpPanel() {
  const toggle = byId('panel-toggle');
  toggle.addEventListener('click', () => {
    const open = document.body.classList.toggle('panel-open');
    toggle.setAttribute('aria-expanded', String(open));
  });
  byId('mode').addEventListener('change', () => setMode(chosenOf('mode')));
}

function setUpColours() {
  byId('colours').addEventListener('change', () => {
    showLegend(chosenOf('colours'));
    keepingToTheEnd(() => state.turns.filter(turn => turn.role === 'assistant' && !(turn === lastTurn() && state.busy)).forEach(renderTurn));
    compareLast();
  });
}

async function start() {
  setUpKey();
  setUpKeys();
  setUpPanel();
  setUpColours();
  setUpUpload();
  setUpChoices();
  setUpFiles();
  byId('composer').addEventListener('submit', event => { event.preventDefault(); send(); });
  byId('stop').addEventListener('click', () => { state.busy?.abort(); byId('prompt').focus(); });
  byId('prompt').addEventListener('input', fitPrompt);
  byId('new').addEventListener('click', clear);
  document.addEventListener('scroll', placeTip, true);
  renderAll();
  setMode('chat');
  try {
    state.model = await api.modelName();
    byId('model').textContent = state.model;
    document.title = `${state.model} · tiller`;
    await refreshVectors();
    const problem = await api.chatTemplateProblem();
    if (problem) {
      setMode('plain');
      notice(`${problem} The page continues your text instead.`);
    }
  } catch (error) {
    notice(error.message, 'error');
  }
}

start();
