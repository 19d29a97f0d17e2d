// What the page knows of the conversation.
//
// turns: {role: 'user', text}, and {role: 'assistant', settings, answers, chosen}, in turn.
// An answer is {label, steering, text, tokens, finish, seed, applied, error, compared}:
//   tokens    [{id, text, bytes, logprob}] as the server streamed them; id is missing in plain continuations
//   finish    null while it is written, then the server's reason, 'stopped' (by the user) or 'error'
//   applied   the server's word on the steering it applied; null for an unsteered answer
//   compared  {tokens, unsteered, steered}, natural log-probabilities (compare.js); absent until asked for

export const state = {model: '', turns: [], busy: null};

export const newAnswer = ({label, steering}) =>
  ({label, steering, text: '', tokens: [], finish: null, seed: null, applied: null, error: null});

export const lastTurn = () => state.turns[state.turns.length - 1];

// The text that a turn adds to the conversation.
export const textOf = turn => turn.role === 'user' ? turn.text : turn.answers[turn.chosen].text;

// The fields of a request that say what comes before the answer of turn `end` (exclusive).
export function before(end, settings) {
  const turns = state.turns.slice(0, end);
  if (settings.mode === 'plain') return {prompt: turns.map(textOf).join(''), special: settings.special};
  const messages = turns.map(turn => ({role: turn.role, content: textOf(turn)}));
  if (settings.system) messages.unshift({role: 'system', content: settings.system});
  return {messages};
}
