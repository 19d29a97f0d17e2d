// What steering did to each token of an answer: the same text under the unsteered model and under the steered one.

import {ServerError, logprobs} from './api.js';

const numberOf = entry => typeof entry === 'number' ? entry : entry?.logprob;

// The numbers of one choice, as a list of numbers or of {logprob}.
function numbersOf(choice) {
  const given = choice.logprobs?.content ?? choice.logprobs?.token_logprobs ?? choice.logprobs ?? choice.tokens;
  return Array.isArray(given) ? given.map(numberOf) : null;
}

function tokensOf(reply) {
  const given = reply.tokens ?? reply.choices[0].logprobs?.content ?? reply.choices[0].logprobs;
  const listed = Array.isArray(given) && given.every(entry => typeof entry === 'object' && entry !== null);
  return listed ? given.map(({id, token, bytes}) => ({id, text: token, bytes})) : null;
}

// `context` is what came before the answer (state.js). The result is what an answer keeps as `compared`.
export async function compare(answer, context, signal) {
  const ids = answer.tokens.map(token => token.id);
  const known = ids.length > 0 && ids.every(Number.isInteger);
  const body = {...context, continuation: known ? ids : answer.text, steering: [null, answer.steering]};
  const reply = await logprobs(body, signal);
  const [unsteered, steered] = reply.choices.map(numbersOf);
  const tokens = known ? answer.tokens.map(({id, text, bytes}) => ({id, text, bytes})) : tokensOf(reply);
  if (!tokens || unsteered?.length !== tokens.length || steered?.length !== tokens.length)
    throw new ServerError({message: 'The server\'s log-probabilities do not fit the answer\'s tokens.'});
  return {tokens, unsteered, steered};
}

// The unsteered model's own answer needs no request: its tokens came with their log-probabilities.
export function comparedToItself(answer) {
  const {tokens} = answer;
  if (!tokens.length || tokens.some(token => typeof token.logprob !== 'number')) return null;
  const own = tokens.map(token => token.logprob);
  return {tokens, unsteered: own, steered: own};
}
