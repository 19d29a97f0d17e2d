// A chat, a stream and steering through the openai package: node client.mjs URL MODEL. Prints what it got as JSON.
import OpenAI from "openai";

const [url, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const messages = [{ role: "user", content: "is the cat hot" }];
const ask = { model, messages, max_tokens: 16, temperature: 0 };

const models = [];
for await (const one of client.models.list()) models.push(one.id);

const chat = await client.chat.completions.create(ask);
const steered = await client.chat.completions.create({ ...ask, steering: [null, "a:1", "a:2"] });

let streamed = "", reasons = [];
for await (const chunk of await client.chat.completions.create({ ...ask, steering: "a:1", stream: true })) {
  streamed += chunk.choices[0]?.delta?.content ?? "";
  if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason);
}

// Given up after the first part: the row must be free afterwards, which the caller looks at.
const controller = new AbortController();
let parts = 0;
try {
  const long = await client.chat.completions.create({ ...ask, max_tokens: 900, stream: true }, { signal: controller.signal });
  for await (const _ of long) if (++parts === 2) controller.abort();
} catch (error) {
  if (!(error instanceof OpenAI.APIUserAbortError)) throw error;
}

const errors = [];
for (const wrong of [{ model: "nobody" }, { temperature: "hot" }, { steering: "nobody" }]) {
  try {
    await client.chat.completions.create({ ...ask, ...wrong });
    errors.push(null);
  } catch (error) {
    errors.push({ kind: error.constructor.name, status: error.status, code: error.code, param: error.param });
  }
}

const said = (answer) => answer.choices.map((choice) => choice.message.content);
console.log(JSON.stringify({ models, chat: said(chat), steered: said(steered), applied: steered.steering, streamed, reasons, parts,
  errors }));
