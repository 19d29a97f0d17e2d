// What steering did to each token of an answer: the same text under the unsteered model and under the steered one.

import {ServerError, logprobs} from './api.js';

// `context` is what came before the answer (state.js). The result is what an answer keeps as `compared`.
export async function compare(answer, context, signal) {
  const ids = answer.tokens.map(token => token.id);
  const known = ids.length > 0 && ids.every(Number.isInteger);
  const body = {...context, continuation: known ? ids : answer.text, steering: answer.steering ? [null, answer.steering] : [null]};
  const reply = await logprobs(body, signal);
  const [unsteered, steered = unsteered] = reply.choices.map(choice => choice.token_logprobs);
  const tokens = reply.tokens.map(({id, token, bytes}) => ({id, text: token, bytes}));
  if ([...unsteered, ...steered].some(number => typeof number !== 'number'))
    throw new ServerError({message: 'The comparison has numbers that are not finite: a token is impossible under one of the two.'});
  return {tokens, unsteered, steered};
}

// An unsteered chat's answer needs no request: its tokens came with their log-probabilities. null otherwise.
export function comparedToItself(answer) {
  const {tokens} = answer;
  if (!tokens.length || tokens.some(token => typeof token.logprob !== 'number')) return null;
  const own = tokens.map(token => token.logprob);
  return {tokens, unsteered: own, steered: own};
}
