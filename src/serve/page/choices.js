// The panel's choice of answers: steered only, both, or several strengths.

import {byId, choose, chosenOf} from './dom.js';
import {parseMultiples} from './steering.js';

// {kind, multiples}, or null when the multiples cannot be read; the field then says why.
export function readCompare() {
  const kind = chosenOf('compare');
  const {values, problem} = parseMultiples(byId('multiples').value);
  const wrong = kind === 'strengths' && Boolean(problem);
  byId('multiples-error').textContent = problem ?? '';
  byId('multiples-error').hidden = !wrong;
  byId('multiples').setAttribute('aria-invalid', String(wrong));
  return wrong ? null : {kind, multiples: values ?? []};
}

// The same, and brings the reader to what is wrong.
export function requireCompare() {
  const compare = readCompare();
  if (!compare) byId('multiples').focus();
  return compare;
}

function showMultiples() { byId('multiples-row').hidden = chosenOf('compare') !== 'strengths'; }

// As a transcript keeps it: the text of the field, readable or not.
export const compareAsWritten = () => ({kind: chosenOf('compare'), multiples: byId('multiples').value});

export function writeCompare({kind, multiples}) {
  choose('compare', kind);
  byId('multiples').value = multiples;
  showMultiples();
}

export function setUpChoices() {
  byId('compare').addEventListener('change', () => {
    showMultiples();
    if (chosenOf('compare') === 'strengths') byId('multiples').focus();
  });
  byId('multiples').addEventListener('change', readCompare);
}
