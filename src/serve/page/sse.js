// Server-sent events: the data of each event, however the network has cut the bytes.

import {cutOff} from './api.js';

export async function* events(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let data = [];
  try {
    for (;;) {
      const {value, done} = await reader.read().catch(error => {
        throw error.name === 'AbortError' ? error : cutOff();
      });
      rest += done ? decoder.decode() : decoder.decode(value, {stream: true});
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const raw of lines) {
        const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
        if (line === '') {
          if (data.length) yield data.join('\n');
          data = [];
        } else if (line.startsWith('data:')) {
          data.push(line.slice(line[5] === ' ' ? 6 : 5));
        }  // Comments (": ping") and other fields say nothing here.
      }
      if (done) return;
    }
  } finally {
    // A reader that goes away early takes the request with it: the server then frees its rows.
    reader.cancel().catch(() => {});
  }
}
