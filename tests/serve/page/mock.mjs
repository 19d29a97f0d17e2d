// A server with the interface of docs/server.md, as far as the page uses it, that knows no model. It refuses what the
// interface does not name, sends its streams in pieces that cut characters and lines, and can fail on request: a
// message "fail: WORD" asks for the failure of that name.

import {createServer} from 'node:http';
import {readFile} from 'node:fs/promises';
import {createHash} from 'node:crypto';
import {bytesOf, logprobsOf, reply, tokenize} from './mock_model.mjs';

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const types = {html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8'};
const completionFields = ['model', 'steering', 'max_tokens', 'temperature', 'top_p', 'seed', 'n', 'stream', 'logprobs'];

class Refusal extends Error {
  constructor(status, code, message, param = null) {
    super(message);
    Object.assign(this, {status, code, param});
  }
}

const errorBody = ({message, code, param}) => ({error: {message, type: 'invalid_request_error', param, code}});
const pause = milliseconds => new Promise(resolve => { setTimeout(resolve, milliseconds); });
const digestOf = bytes => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function checkSteering(entry, place, vectors) {
  if (entry === null) return;
  entry.vectors.forEach((vector, i) => {
    const here = `${place}.vectors[${i}]`;
    for (const key of Object.keys(vector))
      if (!['name', 'scale', 'layers'].includes(key)) throw new Refusal(400, 'unknown_field', `${here}.${key} is not known`, `${here}.${key}`);
    if (!vectors.has(vector.name)) throw new Refusal(404, 'vector_not_found', `There is no vector "${vector.name}"`, `${here}.name`);
    if (vector.layers !== undefined && !/^\d+(-\d+)?$/.test(vector.layers))
      throw new Refusal(400, 'invalid_value', `layers is "${vector.layers}"; expected numbers or a text like "8-12"`, `${here}.layers`);
  });
}

function steeringsOf(body, vectors) {
  const given = body.steering ?? null;
  if (!Array.isArray(given)) {
    checkSteering(given, 'steering', vectors);
    return [given];
  }
  if (body.n !== undefined && body.n !== given.length) throw new Refusal(400, 'invalid_value', 'n is not the length of steering', 'n');
  given.forEach((entry, i) => checkSteering(entry, `steering[${i}]`, vectors));
  return given;
}

function allow(body, fields) {
  for (const key of Object.keys(body))
    if (!fields.includes(key)) throw new Refusal(400, 'unknown_field', `The field ${key} is not known`, key);
}

const appliedOf = (steering, vectors) => steering && {
  applied: steering.vectors.map(({name, scale}) => ({
    name, digest: vectors.get(name).digest, strength: scale, operation: 'add', site: 'residual', positions: 'steered', layers: [10, 11]})),
  edits: 2 * steering.vectors.length,
};

// Writes bytes in pieces of 1 to 9, so that lines, events and characters are cut.
async function writeInPieces(response, text, delay) {
  const bytes = Buffer.from(text);
  for (let at = 0, size = 1; at < bytes.length; at += size, size = size % 9 + 1) {
    if (response.destroyed) return;
    response.write(bytes.subarray(at, at + size));
    if (at % 5 === 0) await pause(0);
  }
  await pause(delay);
}

export async function startMock({pageDir, key = null, template = true, delay = 4} = {}) {
  const vectors = new Map();
  const log = [];  // {method, path, body}
  const gone = [];  // streams that the client left
  const put = (name, bytes, scale = 1) => vectors.set(name, {name, digest: digestOf(bytes), method: 'mean-diff', layers: [10, 11], scale, bytes});
  put('formal', Buffer.from('GGUF formal'), 0.8);
  put('verbose', Buffer.from('GGUF verbose'), 0.1);
  const described = ({bytes, name, ...rest}) => ({id: name, object: 'vector', task: '', operation: 'add', site: 'residual', positions: 'steered', bytes: bytes.length, ...rest});

  const routes = {
    'GET /health': () => ({status: 'ok'}),
    'GET /v1/models': () => ({object: 'list', data: ['mock-270m', ...[...vectors.keys()].map(name => `mock-270m+${name}`)].map(id => ({id, object: 'model'}))}),
    'GET /v1/vectors': () => ({object: 'list', data: [...vectors.values()].map(described)}),
    'POST /apply-template': () => {
      if (!template) throw new Refusal(400, 'no_chat_template', 'This model has no chat template: use /v1/completions.', 'messages');
      return {prompt: '<user>', tokens: [1]};
    },
    'POST /v1/logprobs': ({body}) => {
      allow(body, [body.messages ? 'messages' : 'prompt', 'special', 'continuation', 'steering']);
      const bytes = Array.isArray(body.continuation) ? body.continuation.map(id => ({id, token: '', bytes: bytesOf(id)})) : null;
      const tokens = bytes ?? tokenize(body.continuation);
      return {
        object: 'logprobs', model: 'mock-270m', tokens,
        choices: steeringsOf(body, vectors).map((steering, index) => ({index, steering: appliedOf(steering, vectors), token_logprobs: logprobsOf(tokens, steering)})),
      };
    },
  };

  function uploadVector(url, bytes) {
    const name = url.searchParams.get('name');
    if (bytes.subarray(0, 4).toString() !== 'GGUF') throw new Refusal(400, 'invalid_value', 'This is not a GGUF file: it begins with other bytes than "GGUF".', 'data');
    const known = vectors.get(name);
    if (known && known.digest !== digestOf(bytes) && url.searchParams.get('replace') !== 'true')
      throw new Refusal(409, 'vector_exists', `Another vector has the name "${name}". Give another name, or replace=true.`, 'name');
    put(name, bytes);
    return described(vectors.get(name));
  }

  async function completion(body, response, isChat) {
    allow(body, [...completionFields, ...(isChat ? ['messages'] : ['prompt', 'special'])]);
    if (isChat && !template) throw new Refusal(400, 'no_chat_template', 'This model has no chat template: use /v1/completions.', 'messages');
    if (body.temperature > 5) throw new Refusal(400, 'invalid_value', `temperature is ${body.temperature}; expected 0 to 5`, 'temperature');
    const steerings = steeringsOf(body, vectors);
    const question = isChat ? body.messages.at(-1).content : body.prompt;
    if (/fail: queue/.test(question)) throw new Refusal(429, 'queue_full', 'The queue is full: 256 rows wait already. Try again in a moment.');
    response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache'});
    response.on('close', () => { if (!response.writableFinished) gone.push(question); });
    const slow = /fail: slow/.test(question) ? 60 : delay;
    const send = value => writeInPieces(response, `data: ${JSON.stringify(value)}\n\n`, slow);
    const chunk = (choice, rest = {}) => ({id: 'c', object: 'chunk', created: 1, model: 'mock-270m', choices: [choice], ...rest});
    await writeInPieces(response, ': ping\r\n\r\n', slow);
    if (isChat) for (const index of steerings.keys()) await send(chunk({index, delta: {role: 'assistant', content: ''}, finish_reason: null}));
    const texts = steerings.map(steering => {
      const tokens = tokenize(reply(question, steering)).slice(0, body.max_tokens ?? 200);
      return {tokens, logs: logprobsOf(tokens, steering), steering, decoder: new TextDecoder()};
    });
    // Only the last chunk says the seed and what was applied.
    const applied = steerings.map(steering => appliedOf(steering, vectors));
    const ending = {seed: body.seed ?? 77};
    if (Array.isArray(body.steering)) ending.steering = applied;
    else if (applied[0]) ending.steering = applied[0];
    let left = texts.length;
    for (let i = 0; texts.some(({tokens}) => i < tokens.length); ++i) {
      if (i === 4 && /fail: middle/.test(question)) {
        await send(errorBody(new Refusal(500, 'engine_failed', 'The engine failed: out of memory.')));
        response.end();
        return;
      }
      if (i === 4 && /fail: cut/.test(question)) {
        response.destroy();
        return;
      }
      for (const [index, {tokens, logs, steering, decoder}] of texts.entries()) {
        if (response.destroyed) return;
        const broken = steering && /fail: broke/.test(question);
        if (i === 2 && broken) {
          --left;
          await send(chunk({index, delta: {}, finish_reason: 'error', error: {message: 'The numbers became infinite under formal:0.8.', code: 'steering_broke'}}, left ? {} : ending));
        }
        if (i >= tokens.length || (broken && i >= 2)) continue;
        const text = decoder.decode(new Uint8Array(tokens[i].bytes), {stream: true});
        await send(chunk(isChat
          ? {index, delta: {content: text}, logprobs: {content: [{...tokens[i], logprob: logs[i], top_logprobs: []}]}, finish_reason: null}
          : {index, text, logprobs: null, finish_reason: null}));
        left -= i + 1 === tokens.length;
        if (i + 1 === tokens.length) await send(chunk({index, ...(isChat ? {delta: {}} : {text: ''}), finish_reason: body.max_tokens === tokens.length ? 'length' : 'stop'}, left ? {} : ending));
      }
    }
    await writeInPieces(response, 'data: [DONE]\n\n', 0);
    response.end();
  }

  async function page(path, response) {
    const name = path === '/' ? 'index.html' : path.slice(1);
    if (!/^[a-z_]+\.(html|css|js)$/.test(name)) return false;
    const bytes = await readFile(`${pageDir}/${name}`).catch(() => null);
    if (!bytes) return false;
    response.writeHead(200, {'Content-Type': types[name.split('.').pop()], 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff'});
    response.end(bytes);
    return true;
  }

  async function answer(request, response) {
    const url = new URL(request.url, 'http://localhost');
    if (request.method === 'GET' && await page(url.pathname, response)) return;
    const parts = [];
    for await (const part of request) parts.push(part);
    const bytes = Buffer.concat(parts);
    if (key && request.headers.authorization !== `Bearer ${key}`)
      throw new Refusal(401, 'invalid_api_key', 'This server wants an API key: send it as "Authorization: Bearer KEY".');
    const isJson = /json/.test(request.headers['content-type'] ?? '');
    const body = isJson ? JSON.parse(bytes) : null;
    log.push({method: request.method, path: url.pathname, body});
    const isChat = url.pathname === '/v1/chat/completions';
    if (request.method === 'POST' && (isChat || url.pathname === '/v1/completions')) return completion(body, response, isChat);
    const route = routes[`${request.method} ${url.pathname}`];
    let result;
    if (route) result = route({body});
    else if (request.method === 'POST' && url.pathname === '/v1/vectors') result = uploadVector(url, bytes);
    else if (request.method === 'GET' && vectors.has(url.pathname.slice('/v1/vectors/'.length))) {
      response.writeHead(200, {'Content-Type': 'application/octet-stream'});
      response.end(vectors.get(url.pathname.slice('/v1/vectors/'.length)).bytes);
      return;
    } else throw new Refusal(404, 'not_found', `There is no ${url.pathname}`);
    response.writeHead(200, {'Content-Type': 'application/json'});
    response.end(JSON.stringify(result));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(error => {
      if (response.headersSent) { response.destroy(); return; }
      if (!(error instanceof Refusal)) console.error('mock:', error);
      response.writeHead(error.status ?? 500, {'Content-Type': 'application/json'});
      response.end(JSON.stringify(errorBody({message: error.message, code: error.code ?? 'engine_failed', param: error.param ?? null})));
    });
  });
  await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve); });
  return {
    url: `http://127.0.0.1:${server.address().port}`, log, gone,
    close: () => new Promise(resolve => { server.closeAllConnections(); server.close(resolve); }),
  };
}
