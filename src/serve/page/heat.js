// Numbers to levels, words and readable pieces. Log-probabilities are natural.

const bounds = [Math.log(2), Math.log(10), Math.log(100)];

// -3 ... 3: how many of the factors 2, 10 and 100 steering passed, and in which direction.
export function effectLevel(unsteered, steered) {
  const change = steered - unsteered;
  const level = bounds.filter(bound => Math.abs(change) >= bound).length;
  return change < 0 ? -level : level;
}

// 0 ... 3: the unsteered model gives the token less than 10 %, 1 %, 0.01 %.
export const damageLevel = unsteered => [0.1, 0.01, 0.0001].filter(limit => unsteered < Math.log(limit)).length;

export const legends = {
  effect: {
    title: 'Steering made a token',
    entries: [[-3, '100 times rarer'], [-2, '10 times'], [-1, '2 times'], [1, '2 times likelier'], [2, '10 times'], [3, '100 times']],
  },
  damage: {
    title: 'Without steering the model gives a token less than',
    entries: [[1, '10 %'], [2, '1 %'], [3, '0.01 %']],
  },
};

export const levelClass = (mode, level) => level === 0 ? '' : `${mode}-${level < 0 ? 'minus' : 'plus'}${Math.abs(level)}`;

export function percent(logprob) {
  const share = 100 * Math.exp(logprob);
  if (share < 0.001) return '< 0.001 %';
  return `${share >= 99.95 && share < 100 ? '> 99.9' : Number(share.toPrecision(share >= 10 ? 3 : 2))} %`;
}

export function changeInWords(unsteered, steered) {
  const change = steered - unsteered;
  if (Math.abs(change) < 0.05) return 'as likely as without steering';
  const factor = Math.exp(Math.abs(change));
  const times = factor >= 1e7 ? 'over ten million' : Number(factor.toPrecision(factor < 100 ? 2 : 3)).toLocaleString('en');
  return `${times} times ${change > 0 ? 'likelier' : 'rarer'} through steering`;
}

// A token may hold only part of a character. Tokens are joined until their bytes make whole characters:
// [{text, unsteered, steered}], the log-probabilities added.
export function pieces({tokens, unsteered, steered}) {
  const result = [];
  let decoder = new TextDecoder();
  let open = null;
  tokens.forEach((token, i) => {
    const bytes = Array.isArray(token.bytes) ? new Uint8Array(token.bytes) : new TextEncoder().encode(token.text ?? '');
    open ??= {text: '', unsteered: 0, steered: 0};
    open.text += decoder.decode(bytes, {stream: true});
    open.unsteered += unsteered[i];
    open.steered += steered[i];
    if (open.text === '' && i + 1 < tokens.length) return;
    // Bytes of a character that begins within this token belong to the next piece; they wait in the decoder.
    if (i + 1 === tokens.length) open.text += decoder.decode();
    if (open.text !== '') result.push(open);
    open = null;
  });
  return result;
}

const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;

// exp of the mean surprise of a token.
export const perplexity = logs => Math.exp(-mean(logs));
export const shownPerplexity = logs => Number(perplexity(logs).toPrecision(3)).toLocaleString('en');
