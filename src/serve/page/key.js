// The field for the API key, shown when the server wants one.

import {onUnauthorized, useKey} from './api.js';
import {byId} from './dom.js';

let waiting = [];

function ask(reason, signal) {
  byId('key-reason').textContent = reason;
  byId('key').hidden = false;
  byId('key-field').value = '';
  byId('key-field').focus();
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    signal?.addEventListener('abort', () => reject(signal.reason), {once: true});
  });
}

export function setUpKey() {
  onUnauthorized(ask);
  byId('key').addEventListener('submit', event => {
    event.preventDefault();
    const key = byId('key-field').value.trim();
    if (!key) return;
    useKey(key);
    byId('key-field').value = '';
    byId('key').hidden = true;
    byId('prompt').focus();
    const resolved = waiting;
    waiting = [];
    for (const resolve of resolved) resolve();
  });
}
