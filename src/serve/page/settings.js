// The settings of a request, as the form has them. Empty fields are left to the server.

import {byId, choose, chosenOf} from './dom.js';

const numbers = ['temperature', 'top_p', 'max_tokens', 'seed'];

export function readSettings() {
  const settings = {mode: chosenOf('mode'), system: byId('system').value, special: byId('special').checked};
  for (const name of numbers) {
    const value = byId(name).value;
    if (value !== '') settings[name] = Number(value);
  }
  return settings;
}

export function writeSettings(settings) {
  setMode(settings.mode);
  byId('system').value = settings.system;
  byId('special').checked = settings.special;
  for (const name of numbers) byId(name).value = settings[name] ?? '';
}

// The part of the settings that a request takes as they are.
export const sampling = settings => Object.fromEntries(numbers.filter(name => name in settings).map(name => [name, settings[name]]));

export function setMode(mode) {
  choose('mode', mode);
  const plain = mode === 'plain';
  byId('prompt-label').textContent = plain ? 'Text to continue' : 'Message';
  byId('prompt').placeholder = plain ? 'Text to continue' : 'Ask something';
  byId('send').textContent = plain ? 'Continue' : 'Send';
  byId('system').disabled = plain;
  byId('special-row').hidden = !plain;
}

// Brings a setting that the server refused to the reader's eye. False when `param` is not one of these.
export function showSettingError(param, message) {
  const field = document.querySelector(`.field[data-param="${CSS.escape(param)}"]`);
  if (!field) return false;
  const note = document.createElement('p');
  note.className = 'error small field-error';
  note.textContent = message;
  field.append(note);
  field.querySelector('input, textarea').setAttribute('aria-invalid', 'true');
  return true;
}

export function clearSettingErrors() {
  for (const note of document.querySelectorAll('.field-error')) note.remove();
  for (const field of document.querySelectorAll('.field [aria-invalid]')) field.removeAttribute('aria-invalid');
}
