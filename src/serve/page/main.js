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
import {describe, steeringOf} from './steering.js';
import {clear, compareLast, fitPrompt, send} from './talk.js';
import {hideTip, placeTip, showLegend} from './tokens.js';
import {readControls, refreshVectors, setUpUpload} from './vectors.js';

function setUpKeys() {
  byId('prompt').addEventListener('keydown', event => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    hideTip();
    if (document.body.classList.contains('panel-open')) {
      showPanel(false);
      byId('panel-toggle').focus();
    } else {
      state.busy?.abort();
    }
  });
}

// On a narrow screen the panel lies over the conversation.
function showPanel(open) {
  document.body.style.setProperty('--head', `${document.querySelector('.top').offsetHeight}px`);
  document.body.classList.toggle('panel-open', open);
  byId('panel-toggle').setAttribute('aria-expanded', String(open));
}

// There, the panel's choice is out of sight when a message is written.
function showNext() {
  const steering = steeringOf(readControls());
  byId('next').textContent = steering ? `Next answer: ${describe(steering)}` : 'Next answer: unsteered';
}

function setUpPanel() {
  const toggle = byId('panel-toggle');
  toggle.addEventListener('click', () => showPanel(!document.body.classList.contains('panel-open')));
  byId('vectors').addEventListener('steering-changed', showNext);
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
    showNext();
    const problem = await api.chatTemplateProblem();
    if (problem) {
      setMode('plain');
      notice(`This model has no chat format, so the page continues your text instead. The server says: ${problem}`);
    }
  } catch (error) {
    notice(error.message, 'error');
  }
}

start();
