// Elements, made without markup: every text goes through textContent, so that what a model or a file name says
// stays text.

export const byId = id => document.getElementById(id);

// make('p', {class: 'quiet', 'aria-label': '...', onclick: f}, 'text', child): an element with its children.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter(child => child !== undefined && child !== null));
  return element;
}

export const chosenOf = name => document.querySelector(`input[name="${name}"]:checked`)?.value;

export function choose(name, value) {
  for (const input of document.querySelectorAll(`input[name="${name}"]`)) input.checked = input.value === value;
}

// Says something to screen readers, once.
export function announce(text) { byId('announce').textContent = text; }

// A file of the page's own making goes to the reader's downloads.
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  make('a', {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
