// A line above the conversation, until it is closed or the next one comes.

import {byId, make} from './dom.js';

export function notice(text, kind = 'note') {
  const box = make('div', {class: `notice ${kind}`, role: kind === 'error' ? 'alert' : 'status'}, make('p', {}, text));
  box.append(make('button', {type: 'button', class: 'plain', 'aria-label': 'Close this notice', onclick: () => box.remove()}, '×'));
  byId('notices').replaceChildren(box);
}
