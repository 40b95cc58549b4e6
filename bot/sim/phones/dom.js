// Building blocks of the page: elements, icons, calls to /sim/, text that is cut as WeCom cuts it.
// Text of people and of the bot only ever becomes a text node; nothing here or elsewhere parses it as HTML.

export function el(tag, props = {}, ...kids) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'class') node.className = value;
    else if (name === 'test') node.dataset.testid = value;
    else if (name === 'data') {
      for (const [key, v] of Object.entries(value)) if (v !== undefined && v !== null) node.dataset[key] = v;
    } else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...kids.flat(Infinity).filter((kid) => kid !== undefined && kid !== null && kid !== false && kid !== ''));
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

// icon draws a symbol of the sprite that stands in index.html.
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', '#i-' + name);
  svg.append(use);
  return svg;
}

// get and post speak to the simulator; a refusal becomes an Error with the simulator's own words.
export async function get(path) {
  return answer(await fetch(path, { cache: 'no-store' }));
}

export async function post(path, body) {
  const raw = body instanceof Blob || body instanceof Uint8Array;
  return answer(await fetch(path, {
    method: 'POST',
    headers: raw ? {} : { 'Content-Type': 'application/json' },
    body: raw ? body : JSON.stringify(body ?? {}),
  }));
}

async function answer(response) {
  const text = await response.text();
  let value = {};
  try { value = text ? JSON.parse(text) : {}; } catch { value = { error: text.trim() }; }
  if (!response.ok) throw new Error(value.error || 'HTTP ' + response.status);
  return value;
}

// clip cuts text to n characters (字): a CJK character counts one, a Latin letter or digit a half.
// WeCom's pages give these numbers as recommended lengths; a phone shows what is longer with an ellipsis.
export function clip(text, n) {
  let width = 0;
  let out = '';
  for (const ch of String(text ?? '')) {
    width += ch.codePointAt(0) < 0x2e80 ? 0.5 : 1;
    if (width > n) return { text: out + '…', cut: true };
    out += ch;
  }
  return { text: out, cut: false };
}

// clipped is a span with cut text; the full text stays in the tooltip, the cut is marked for tests and eyes.
export function clipped(text, n, className) {
  const short = clip(text, n);
  return el('span', { class: className, title: short.cut && text, data: { cut: short.cut ? 'true' : undefined } }, short.text);
}

// webURL lets through http and https only.
export function webURL(url) {
  try {
    const parsed = new URL(url, location.href);
    return parsed.protocol === 'http:' || parsed.protocol === 'https:' ? parsed : null;
  } catch { return null; }
}

export function link(url, className, ...kids) {
  const target = url && webURL(url);
  if (!target) return el('span', { class: className && className + ' no-link' }, kids);
  return el('a', { class: className, href: target.href, target: '_blank', rel: 'noopener noreferrer' }, kids);
}

// picture shows an image of this very server. A picture on another host is named, not fetched:
// the page makes no request to the outside.
export function picture(url, alt, className) {
  const target = url && webURL(url);
  if (target && target.origin === location.origin) {
    return el('img', { class: className, src: target.href, alt, loading: 'lazy' });
  }
  return el('div', { class: className + ' picture-away', role: 'img', 'aria-label': alt },
    icon('image'), el('span', {}, target ? target.host : '没有图片'));
}

const kept = new Map();

// recall and keep are localStorage, or memory where the browser forbids it.
export function recall(key, fallback) {
  try { return JSON.parse(localStorage.getItem('phones.' + key)) ?? fallback; } catch { return kept.get(key) ?? fallback; }
}

export function keep(key, value) {
  kept.set(key, value);
  try { localStorage.setItem('phones.' + key, JSON.stringify(value)); } catch { /* private window: memory will do */ }
}

export function debounce(ms, run) {
  let timer;
  return (...args) => { clearTimeout(timer); timer = setTimeout(() => run(...args), ms); };
}
