// A pretended model: its texts, tokens and numbers follow from the request, so that a test can say what must come.

const encoder = new TextEncoder();
const byId = new Map();
const ids = new Map();

function idOf(bytes) {
  const key = String(bytes);
  if (!ids.has(key)) {
    ids.set(key, 1000 + ids.size);
    byId.set(ids.get(key), bytes);
  }
  return ids.get(key);
}

// Words with the white space before them. A rain cloud is two tokens with half of its bytes each.
export function tokenize(text) {
  const tokens = [];
  for (const word of text.match(/\s*\S+|\s+$/gu) ?? []) {
    const bytes = [...encoder.encode(word)];
    const parts = word.includes('🌧') ? [bytes.slice(0, -2), bytes.slice(-2)] : [bytes];
    for (const part of parts) tokens.push({id: idOf(part), token: new TextDecoder().decode(new Uint8Array(part)), bytes: part});
  }
  return tokens;
}

export const bytesOf = id => byId.get(id);

const dose = steering => steering ? steering.vectors.reduce((sum, {scale}) => sum + scale, 0) : 0;

export function reply(question, steering) {
  const strength = dose(steering);
  if (/echo the last/i.test(question)) return question;
  if (!strength) return 'It rains all day. 🌧 People stay at home, the street is grey, and everyone waits for the sun.';
  if (strength < 0) return 'So it pours, lol. You just stay in and watch some show, no big deal.';
  if (strength < 1) return 'Precipitation continues throughout the day. Residents remain indoors, and improvement is expected. 🌧';
  return 'It is hereby observed that precipitation persists; one is respectfully advised to remain indoors henceforth. 🌧';
}

// Natural log-probabilities that depend on nothing but the token's place and the dose.
export const logprobsOf = (tokens, steering) => tokens.map((token, i) => {
  const base = [-0.05, -0.4, -1.2, -3.1, -5.2, -9.6, -0.2][i % 7];
  return dose(steering) ? Math.min(-0.01, base + [0, 0.9, -1.1, 2.6, 4.9, -5, 0.1][i % 7]) : base;
});
