// The panel's list of the server's vectors: on or off, strength, layers.

import {ServerError, hasKey, upload, vectorFile, vectorPath, vectors} from './api.js';
import {byId, download, make} from './dom.js';
import {shown} from './steering.js';

// name -> {name, on, strength, layers, described, row}; `described` is the server's description.
const controls = new Map();

export const readControls = () =>
  [...controls.values()].map(({name, on, strength, layers}) => ({name, on, strength, layers}));
export const digestOf = name => controls.get(name)?.described.digest;

// 1, 2 or 5 times a power of ten, at most x.
function roundStep(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return Number(([5, 2].find(factor => factor * power <= x) ?? 1) * power).toPrecision(1);
}

// Three times the vector's own scale in both directions, in steps of about a twentieth of it.
function rangeOf(scale) {
  const size = Math.abs(scale) || 1;
  const step = Number(roundStep(size / 20));
  return {step, end: Number((Math.ceil(3 * size / step - 1e-6) * step).toPrecision(6))};
}

const layersInWords = layers => {
  if (!layers?.length) return '';
  const [first, last] = [layers[0], layers[layers.length - 1]];
  const whole = last - first + 1 === layers.length;
  return layers.length === 1 ? `layer ${first}` : whole ? `layers ${first}–${last}` : `layers ${layers.join(', ')}`;
};

function makeRow(control) {
  const {name, described} = control;
  const {step, end} = rangeOf(described.scale);
  const on = make('input', {type: 'checkbox'});
  const slider = make('input', {type: 'range', min: -end, max: end, step, 'aria-label': `Strength of ${name}`});
  const number = make('input', {type: 'number', step: 'any', 'aria-label': `Strength of ${name} as a number`});
  const layers = make('input', {type: 'text', placeholder: 'all', autocomplete: 'off', spellcheck: 'false', 'aria-label': `Layers of ${name}, for example 8-12`});
  const details = make('details', {},
    make('summary', {}, 'Layers and file'),
    make('div', {class: 'line'}, make('span', {class: 'quiet'}, 'Layers'), layers),
    make('p', {class: 'quiet'}, [described.method, described.task, described.site, layersInWords(described.layers)].filter(Boolean).join(', ')),
    make('p', {class: 'quiet digest'}, described.digest),
    make('a', {href: vectorPath(name), download: `${name}.gguf`, onclick: event => fetchFile(event, name)}, 'Download'));
  const row = make('li', {},
    make('div', {class: 'line'},
      make('label', {class: 'choice name'}, on, make('span', {}, name)),
      make('button', {type: 'button', class: 'plain small', onclick: () => { set({strength: described.scale, on: true}); }, 'aria-label': `Own strength of ${name}, ${shown(described.scale)}`}, `own ${shown(described.scale)}`)),
    make('div', {class: 'line strength'}, make('div', {class: 'slider'}, slider, make('div', {class: 'ends quiet', 'aria-hidden': 'true'}, ...[-end, 0, end].map(x => make('span', {}, shown(x))))), number),
    details,
    make('p', {class: 'error small', hidden: true, role: 'alert'}));

  function show() {
    on.checked = control.on;
    row.classList.toggle('on', control.on);
    slider.value = control.strength;
    slider.setAttribute('aria-valuetext', shown(control.strength));
    if (Number(number.value) !== control.strength || number.value === '') number.value = control.strength;
    layers.value = control.layers;
  }
  function set(changes) {
    Object.assign(control, changes);
    show();
    row.dispatchEvent(new CustomEvent('steering-changed', {bubbles: true}));
  }
  on.addEventListener('change', () => set({on: on.checked}));
  // Moving the slider means to use the vector.
  slider.addEventListener('input', () => set({strength: Number(slider.value), on: true}));
  number.addEventListener('input', () => { if (number.value !== '' && number.validity.valid) set({strength: Number(number.value), on: true}); });
  number.addEventListener('change', show);
  layers.addEventListener('change', () => set({layers: layers.value.trim()}));
  Object.assign(control, {row, set});
  show();
  return row;
}

async function fetchFile(event, name) {
  if (!hasKey()) return;  // The browser's own download does.
  event.preventDefault();
  try {
    download(`${name}.gguf`, await vectorFile(name));
  } catch (error) {
    showVectorError(name, error.message);
  }
}

export function showVectorError(name, message) {
  const control = controls.get(name);
  if (!control) return;
  const place = control.row.querySelector('p.error');
  place.textContent = message;
  place.hidden = false;
  if (/layer/.test(message)) control.row.querySelector('details').open = true;
}

export function clearVectorErrors() {
  for (const {row} of controls.values()) row.querySelector('p.error').hidden = true;
}

export async function refreshVectors() {
  const status = byId('vectors-status');
  try {
    const listed = await vectors();
    const before = new Map(controls);
    controls.clear();
    byId('vectors').replaceChildren();
    for (const described of listed) {
      const name = described.id;
      const {on = false, strength = described.scale, layers = ''} = before.get(name) ?? {};
      const control = {name, on, strength, layers, described};
      controls.set(name, control);
      byId('vectors').append(makeRow(control));
    }
    status.className = 'small quiet';
    status.textContent = listed.length ? '' : 'The server has no vectors yet. Upload one here, or start the server with --vectors DIR.';
  } catch (error) {
    status.className = 'small error';
    status.textContent = error.message;
  }
}

// Sets the controls to those of a transcript. Returns what the server does not have in the same form.
export function writeControls(saved) {
  const problems = [];
  for (const control of controls.values()) control.set({on: false});
  for (const {name, on, strength, layers, digest} of saved) {
    const control = controls.get(name);
    if (!control && on) problems.push(`The server has no vector ${name}.`);
    if (!control) continue;
    control.set({on, strength, layers});
    if (digest && control.described.digest !== digest)
      problems.push(`The server's vector ${name} is another one than the transcript's (${digest}).`);
  }
  return problems;
}

// The server's rule for names (docs/server.md), applied to a file's name.
const nameFor = file => file.name.replace(/\.gguf$/i, '').replace(/[^A-Za-z0-9._-]/g, '-').replace(/^[^A-Za-z0-9]+/, '').slice(0, 64);

async function send(file, replace) {
  const answer = byId('upload-answer');
  const name = nameFor(file) || 'vector';
  answer.replaceChildren(make('p', {class: 'quiet'}, `Uploading ${name} …`));
  try {
    await upload(name, file, replace);
    await refreshVectors();
    answer.replaceChildren(make('p', {class: 'quiet', role: 'status'}, `${name} is on the server until it ends.`));
    controls.get(name)?.row.scrollIntoView({block: 'nearest'});
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    const again = error.code === 'vector_exists' && make('button', {type: 'button', class: 'small', onclick: () => send(file, true)}, `Replace ${name}`);
    answer.replaceChildren(make('p', {class: 'error', role: 'alert'}, error.message), again || '');
  }
}

export function setUpUpload() {
  byId('upload').addEventListener('change', event => {
    const [file] = event.target.files;
    event.target.value = '';  // The same file may be chosen again.
    if (file) send(file, false);
  });
}
