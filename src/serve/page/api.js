// The server's endpoints. Every failure is a ServerError with the server's own words.

export class ServerError extends Error {
  constructor({message, status = 0, code = '', param = ''}) {
    super(message);
    Object.assign(this, {status, code, param: param || ''});
  }
}

const keyName = 'tiller.api-key';
let askForKey = null;

// `ask(reason, signal)` promises that the user has entered a key.
export function onUnauthorized(ask) { askForKey = ask; }
export function useKey(key) { sessionStorage.setItem(keyName, key); }
export const hasKey = () => sessionStorage.getItem(keyName) !== null;

async function errorOf(response) {
  const text = await response.text();
  try {
    const {message, code, param} = JSON.parse(text).error;
    if (typeof message === 'string') return new ServerError({message, code, param, status: response.status});
  } catch { /* not the server's shape: a proxy's page, say */ }
  return new ServerError({message: `The server answered ${response.status} ${response.statusText}`, status: response.status});
}

// The response of a request that went well; one without a key is repeated when the user has given it.
async function request(path, {headers = {}, ...options} = {}) {
  for (;;) {
    const key = sessionStorage.getItem(keyName);
    let response;
    try {
      response = await fetch(path, {...options, headers: key === null ? headers : {...headers, Authorization: `Bearer ${key}`}});
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new ServerError({message: 'The server cannot be reached. Is it still running?', code: 'unreachable'});
    }
    if (response.ok) return response;
    const error = await errorOf(response);
    if (response.status !== 401 || !askForKey) throw error;
    await askForKey(error.message, options.signal);
  }
}

// A stream's bytes that stop coming are the server's end, too.
export const cutOff = () => new ServerError({message: 'The connection ended before the answer did.', code: 'cut_off'});

const json = async (path, options) => (await request(path, options)).json();

export const post = (path, body, signal) =>
  request(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), signal});

export async function modelName() {
  // The first is the model itself; those after it are the model with a vector.
  return (await json('/v1/models')).data[0].id;
}

export const vectors = async () => (await json('/v1/vectors')).data;

export const vectorPath = name => `/v1/vectors/${encodeURIComponent(name)}`;
export const vectorFile = async name => (await request(vectorPath(name))).blob();

export const upload = (name, file, replace) =>
  json(`/v1/vectors?name=${encodeURIComponent(name)}${replace ? '&replace=true' : ''}`,
    {method: 'POST', headers: {'Content-Type': 'application/octet-stream'}, body: file});

export const logprobs = async (body, signal) => (await post('/v1/logprobs', body, signal)).json();

// Whether the model has a chat format of its own; if not, the server's words for it.
export async function chatTemplateProblem() {
  try {
    await post('/apply-template', {messages: [{role: 'user', content: 'Hello'}]});
    return null;
  } catch (error) {
    return error.code === 'no_chat_template' ? error.message : null;
  }
}
