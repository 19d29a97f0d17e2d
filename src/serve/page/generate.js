// One request for all answers to a message; they stream into the answers' objects.

import {ServerError, cutOff, post} from './api.js';
import {events} from './sse.js';
import {sampling} from './settings.js';

export function requestFor(context, answers, settings, model) {
  const steerings = answers.map(answer => answer.steering);
  const body = {model, ...context, ...sampling(settings), stream: true};
  // Chats give each token's number, which the comparison takes; completions only give texts.
  if ('messages' in context) body.logprobs = true;
  if (answers.length > 1) Object.assign(body, {n: answers.length, steering: steerings});
  else if (steerings[0]) body.steering = steerings[0];
  return body;
}

const tokenOf = ({id, token, bytes, logprob}) => ({id, text: token, bytes, logprob});

function take(chunk, answers) {
  for (const choice of chunk.choices ?? []) {
    const answer = answers[choice.index];
    if (!answer) throw new ServerError({message: `The server sent a choice ${choice.index} of ${answers.length}`});
    answer.text += choice.delta?.content ?? choice.text ?? '';
    for (const entry of choice.logprobs?.content ?? []) answer.tokens.push(tokenOf(entry));
    if (choice.error) answer.error = choice.error.message;
    if (choice.finish_reason) answer.finish = choice.finish_reason;
  }
  if (Number.isInteger(chunk.seed)) answers.forEach((answer, i) => { answer.seed = chunk.seed + i; });
  if (chunk.steering) {
    const applied = Array.isArray(chunk.steering) ? chunk.steering : [chunk.steering];
    answers.forEach((answer, i) => { answer.applied = applied[i] ?? null; });
  }
}

// Calls `changed` after every chunk. Returns when all answers are whole; throws a ServerError, or an AbortError when
// the signal says so. What has come until then stays in the answers.
export async function generate({context, answers, settings, model, signal, changed}) {
  const path = 'messages' in context ? '/v1/chat/completions' : '/v1/completions';
  const response = await post(path, requestFor(context, answers, settings, model), signal);
  for await (const data of events(response.body)) {
    if (data === '[DONE]') return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new ServerError(chunk.error);
    take(chunk, answers);
    changed();
  }
  throw cutOff();
}
