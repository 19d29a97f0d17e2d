// From the panel's controls to the field `steering` of a request. A control is {name, on, strength, layers}.

// Products of decimal numbers stay decimal: 0.1 * 3 is 0.3 here.
const rounded = x => Number(x.toPrecision(6));

// null when nothing would be steered: no vector is on, or all have the strength 0.
export function steeringOf(controls, multiple = 1) {
  const vectors = [];
  for (const {name, on, strength, layers} of controls) {
    const scale = rounded(strength * multiple);
    if (!on || scale === 0) continue;
    vectors.push(layers ? {name, scale, layers} : {name, scale});
  }
  return vectors.length ? {vectors} : null;
}

export const shown = x => String(x).replace('-', '−');

export function describe(steering) {
  if (!steering) return 'no vector';
  return steering.vectors
    .map(({name, scale, layers}) => `${name} ${shown(scale)}${layers ? `, layers ${layers}` : ''}`).join(' + ');
}

const mostColumns = 16;

// {values} or {problem}
export function parseMultiples(text) {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const values = words.map(Number);
  const wrong = words.find((_, i) => !Number.isFinite(values[i]));
  if (wrong !== undefined) return {problem: `"${wrong}" is not a number. Write them like this: 0, 0.5, 1`};
  if (!values.length) return {problem: 'No number is given. Write them like this: 0, 0.5, 1'};
  if (values.length > mostColumns) return {problem: `${values.length} numbers are given; at most ${mostColumns} answers fit beside each other.`};
  return {values};
}

// The answers that one message gets: [{label, steering}], and which of them the conversation takes unless the user
// chooses another one. `compare` is {kind: 'steered' | 'both' | 'strengths', multiples: [numbers]}.
export function planAnswers(controls, compare) {
  const steering = steeringOf(controls);
  const unsteered = {label: 'Unsteered', steering: null};
  if (!steering) return {answers: [unsteered], chosen: 0};
  const steered = {label: 'Steered', steering};
  if (compare.kind === 'steered') return {answers: [steered], chosen: 0};
  if (compare.kind === 'both') return {answers: [unsteered, steered], chosen: 1};
  const answers = compare.multiples.map(multiple => {
    const scaled = steeringOf(controls, multiple);
    return scaled ? {label: `× ${shown(multiple)}`, steering: scaled} : unsteered;
  });
  const asSet = compare.multiples.indexOf(1);
  return {answers: answers.map(answer => ({...answer})), chosen: asSet >= 0 ? asSet : answers.length - 1};
}
