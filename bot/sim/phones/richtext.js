// Rich text as WeCom understands it: links in text, three div classes in a textcard, a small markdown.
// Each function answers a list of nodes; what is not understood stays as the characters it is.

import { el, link } from './dom.js';

// split walks a text by a pattern and lets make turn every hit into a node.
function split(text, pattern, make, plain = (s) => [s]) {
  const out = [];
  let from = 0;
  for (const hit of text.matchAll(pattern)) {
    if (hit.index > from) out.push(...plain(text.slice(from, hit.index)));
    out.push(make(hit));
    from = hit.index + hit[0].length;
  }
  if (from < text.length) out.push(...plain(text.slice(from)));
  return out;
}

const ANCHOR = /<a\s[^>]*?href=(["'])(.*?)\1[^>]*>([\s\S]*?)<\/a>/gi;
const BARE = /https?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]+/g;

// plainText: line breaks are kept by CSS; <a href> and bare addresses are links.
export function plainText(text) {
  return split(text, ANCHOR, (hit) => link(hit[2], 'link', hit[3]),
    (rest) => split(rest, BARE, (hit) => link(hit[0], 'link', hit[0])));
}

const CARD = /<br\s*\/?>|<div\s+class=(["'])(gray|highlight|normal)\1>([\s\S]*?)<\/div>/gi;

export function textcard(text) {
  return split(text, CARD, (hit) => (hit[2] ? el('div', { class: 'tc-' + hit[2].toLowerCase() }, textcard(hit[3])) : el('br')));
}

const INLINE = /\*\*(.+?)\*\*|\[([^\]]+)\]\(([^)\s]+)\)|`([^`\n]+)`|<font\s+color=(["'])(info|comment|warning)\5>([\s\S]*?)<\/font>/gi;

function inline(text) {
  return split(text, INLINE, (hit) => {
    if (hit[1]) return el('strong', {}, inline(hit[1]));
    if (hit[2]) return link(hit[3], 'link', hit[2]);
    if (hit[4]) return el('code', {}, hit[4]);
    return el('span', { class: 'md-' + hit[6].toLowerCase() }, inline(hit[7]));
  });
}

export function markdown(text) {
  return text.split('\n').map((line) => {
    const head = /^(#{1,6}) (.*)/.exec(line);
    if (head) return el('div', { class: 'md-h md-h' + head[1].length }, inline(head[2]));
    const quote = /^>\s?(.*)/.exec(line);
    if (quote) return el('blockquote', {}, inline(quote[1]));
    return el('div', { class: 'md-line' }, inline(line));
  });
}
