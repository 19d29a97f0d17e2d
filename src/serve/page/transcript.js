// The conversation as a file, and a file as the conversation.

const format = 'tiller transcript';
const version = 1;

// Everything that another session needs to go on, or to repeat what was done.
export const toFile = ({model, settings, controls, compare, turns}) =>
  ({format, version, saved: new Date().toISOString(), model, settings, vectors: controls, compare, turns});

class Shape extends Error {}

const kinds = {
  text: value => typeof value === 'string',
  number: value => Number.isFinite(value),
  'true or false': value => typeof value === 'boolean',
  list: Array.isArray,
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
};

function need(value, place, kind) {
  if (!kinds[kind](value)) throw new Shape(`${place} should be a ${kind}, and is ${JSON.stringify(value)?.slice(0, 40) ?? 'missing'}`);
  return value;
}

function oneOf(value, place, allowed) {
  if (!allowed.includes(value)) throw new Shape(`${place} should be one of ${allowed.join(', ')}, and is ${JSON.stringify(value)?.slice(0, 40) ?? 'missing'}`);
  return value;
}

const optional = (value, place, kind) => value === null || value === undefined ? null : need(value, place, kind);

function steeringFrom(value, place) {
  if (value === null) return null;
  const vectors = need(need(value, place, 'object').vectors, `${place}.vectors`, 'list').map((given, i) => {
    const here = `${place}.vectors[${i}]`;
    const vector = {name: need(need(given, here, 'object').name, `${here}.name`, 'text'), scale: need(given.scale, `${here}.scale`, 'number')};
    return given.layers === undefined ? vector : {...vector, layers: need(given.layers, `${here}.layers`, 'text')};
  });
  return {vectors};
}

function tokensFrom(value, place) {
  return need(value, place, 'list').map((token, i) => {
    const here = `${place}[${i}]`;
    need(token, here, 'object');
    const bytes = optional(token.bytes, `${here}.bytes`, 'list');
    if (bytes && !bytes.every(byte => Number.isInteger(byte) && byte >= 0 && byte < 256)) throw new Shape(`${here}.bytes should hold bytes`);
    const kept = {text: need(token.text, `${here}.text`, 'text'), bytes};
    if (optional(token.id, `${here}.id`, 'number') !== null) kept.id = token.id;
    if (optional(token.logprob, `${here}.logprob`, 'number') !== null) kept.logprob = token.logprob;
    return kept;
  });
}

function comparedFrom(value, place) {
  need(value, place, 'object');
  const tokens = tokensFrom(value.tokens, `${place}.tokens`);
  const numbers = name => {
    const list = need(value[name], `${place}.${name}`, 'list').map((number, i) => need(number, `${place}.${name}[${i}]`, 'number'));
    if (list.length !== tokens.length) throw new Shape(`${place}.${name} has ${list.length} numbers for ${tokens.length} tokens`);
    return list;
  };
  return {tokens, unsteered: numbers('unsteered'), steered: numbers('steered')};
}

function answerFrom(value, place) {
  need(value, place, 'object');
  const answer = {
    label: need(value.label, `${place}.label`, 'text'),
    steering: steeringFrom(value.steering, `${place}.steering`),
    text: need(value.text, `${place}.text`, 'text'),
    tokens: tokensFrom(value.tokens, `${place}.tokens`),
    finish: need(value.finish, `${place}.finish`, 'text'),
    seed: optional(value.seed, `${place}.seed`, 'number'),
    applied: optional(value.applied, `${place}.applied`, 'object'),
    error: optional(value.error, `${place}.error`, 'text'),
  };
  for (const [i, one] of (answer.applied ? need(answer.applied.applied, `${place}.applied.applied`, 'list') : []).entries())
    need(one, `${place}.applied.applied[${i}]`, 'object');
  return value.compared ? {...answer, compared: comparedFrom(value.compared, `${place}.compared`)} : answer;
}

function turnFrom(value, i) {
  const place = `turns[${i}]`;
  need(value, place, 'object');
  // A user's turn and the answers to it come by turns, the user first.
  oneOf(value.role, `${place}.role`, [i % 2 ? 'assistant' : 'user']);
  if (value.role === 'user') return {role: 'user', text: need(value.text, `${place}.text`, 'text')};
  const answers = need(value.answers, `${place}.answers`, 'list').map((answer, k) => answerFrom(answer, `${place}.answers[${k}]`));
  const chosen = need(value.chosen, `${place}.chosen`, 'number');
  if (!answers[chosen]) throw new Shape(`${place}.chosen is ${chosen}, and there are ${answers.length} answers`);
  return {role: 'assistant', settings: settingsFrom(value.settings, `${place}.settings`), answers, chosen};
}

function settingsFrom(value, place) {
  need(value, place, 'object');
  const settings = {
    mode: oneOf(value.mode, `${place}.mode`, ['chat', 'plain']), system: need(value.system, `${place}.system`, 'text'),
    special: need(value.special, `${place}.special`, 'true or false'),
  };
  for (const name of ['temperature', 'top_p', 'max_tokens', 'seed'])
    if (value[name] !== undefined) settings[name] = need(value[name], `${place}.${name}`, 'number');
  return settings;
}

function controlFrom(value, i) {
  const place = `vectors[${i}]`;
  need(value, place, 'object');
  return {
    name: need(value.name, `${place}.name`, 'text'), on: need(value.on, `${place}.on`, 'true or false'),
    strength: need(value.strength, `${place}.strength`, 'number'), layers: need(value.layers, `${place}.layers`, 'text'),
    digest: optional(value.digest, `${place}.digest`, 'text'),
  };
}

// The parts of toFile(), checked; throws an Error that says what is wrong with the text.
export function fromFile(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('This file is not JSON. Choose a transcript that this page saved.');
  }
  if (value?.format !== format) throw new Error('This file is not a transcript of this page: its "format" is not "tiller transcript".');
  if (value.version !== version) throw new Error(`This transcript has version ${value.version}; this page reads version ${version}.`);
  try {
    const compare = need(value.compare, 'compare', 'object');
    return {
      model: need(value.model, 'model', 'text'),
      settings: settingsFrom(value.settings, 'settings'),
      controls: need(value.vectors, 'vectors', 'list').map(controlFrom),
      compare: {kind: oneOf(compare.kind, 'compare.kind', ['both', 'steered', 'strengths']), multiples: need(compare.multiples, 'compare.multiples', 'text')},
      turns: need(value.turns, 'turns', 'list').map(turnFrom),
    };
  } catch (error) {
    if (!(error instanceof Shape)) throw error;
    throw new Error(`This transcript is damaged: ${error.message}.`);
  }
}
