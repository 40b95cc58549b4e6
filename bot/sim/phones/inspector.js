// Inspector follows one message: how it travelled, what it said, what it became.

import { el, icon, get, debounce } from './dom.js';
import * as clock from './clock.js';
import { t } from './words.js';

const toggle = document.getElementById('inspector-toggle');

export class Inspector {
  constructor(root, host) {
    this.root = root;
    this.host = host;
    this.userid = '';
    this.id = '';
    this.traces = [];
    this.trace = null;
    this.error = '';
    this.folded = new Set(['envelope']); // sections a reader has closed stay closed
    this.news = debounce(200, () => { if (this.isOpen()) this.load(); });
    toggle.onclick = () => (this.isOpen() ? this.hide() : this.show('', ''));
    root.addEventListener('keydown', (e) => { if (e.key === 'Escape') { e.stopPropagation(); this.hide(); } });
  }

  isOpen() { return !this.root.hidden; }
  beside() { return this.isOpen() && getComputedStyle(this.root).position !== 'fixed'; }
  width() { return this.root.offsetWidth + 20; }

  async show(id, userid) {
    const wasOpen = this.isOpen();
    if (!wasOpen) this.opener = document.activeElement;
    this.userid = userid;
    this.id = id;
    this.trace = null;
    this.error = '';
    this.root.hidden = false;
    toggle.setAttribute('aria-expanded', 'true');
    this.host.moved(userid);
    this.draw();
    this.root.querySelector('[data-testid=inspector-close]').focus({ preventScroll: true });
    await this.load();
  }

  hide() {
    this.root.hidden = true;
    this.root.replaceChildren();
    toggle.setAttribute('aria-expanded', 'false');
    this.host.moved('');
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }

  async load() {
    const { id, userid } = this;
    try {
      const list = await get('/sim/traces' + (userid ? '?userid=' + encodeURIComponent(userid) : ''));
      const trace = id ? await get('/sim/trace/' + encodeURIComponent(id)) : null;
      if (id !== this.id || userid !== this.userid) return; // another one was asked for meanwhile
      this.traces = Array.isArray(list) ? list : list.traces ?? [];
      this.trace = trace;
      this.error = '';
    } catch (err) {
      this.error = err.message;
    }
    this.draw();
  }

  draw() {
    if (!this.isOpen()) return;
    const held = this.root.contains(document.activeElement) && document.activeElement.dataset.hold;
    const scrolled = this.root.querySelector('.trace')?.scrollTop ?? 0;
    const listed = this.root.querySelector('.traces')?.scrollTop ?? 0;
    const same = this.drawn === this.id;
    this.drawn = this.id;
    const who = el('select', {
      data: { hold: 'who' }, 'aria-label': t('who'),
      onchange: () => { this.userid = who.value; this.id = ''; this.trace = null; this.load(); },
    }, el('option', { value: '' }, t('everyone')), this.host.members().map((m) => el('option', { value: m.userid }, m.name || m.userid)));
    who.value = this.userid;
    this.root.replaceChildren(
      el('div', { class: 'insp-head' }, el('h2', {}, t('inspector')), who,
        el('button', { type: 'button', class: 'plain', 'data-testid': 'inspector-close', data: { hold: 'close' }, 'aria-label': t('close'), onclick: () => this.hide() }, icon('close'))),
      el('div', { class: 'traces', role: 'list', 'aria-label': t('list'), tabindex: this.traces.length ? undefined : '0' },
        this.traces.length ? this.traces.map((one) => this.row(one)) : el('p', { class: 'soft' }, t('noTraces'))),
      el('div', { class: 'trace', tabindex: '0', role: 'region', 'aria-label': t('inspector') },
        this.error ? el('p', { class: 'bad' }, this.error) : this.trace ? this.detail(this.trace) : el('p', { class: 'soft' }, this.id ? '…' : t('pickOne'))));
    this.root.querySelector('.traces').scrollTop = listed;
    if (same) this.root.querySelector('.trace').scrollTop = scrolled;
    const row = this.root.querySelector('[aria-current=true]');
    if (row && this.showed !== this.id) { this.showed = this.id; row.scrollIntoView({ block: 'center' }); }
    if (held) [...this.root.querySelectorAll('[data-hold]')].find((n) => n.dataset.hold === held)?.focus({ preventScroll: true });
  }

  row(one) {
    const here = one.id === this.id;
    return el('div', { role: 'listitem' }, el('button', {
      type: 'button', class: 'trace-row', 'data-testid': 'trace-row', data: { hold: 'trace-' + one.id }, 'aria-current': here ? 'true' : undefined,
      onclick: () => { this.id = one.id; this.load(); },
    }, el('span', { class: 'trace-at' }, clock.seconds(Date.parse(one.at))), el('span', { class: 'trace-title' }, one.title), status(one.status)));
  }

  detail(trace) {
    const tries = trace.attempts ?? [];
    const longest = Math.max(1, ...tries.map((a) => a.ms ?? 0));
    const section = (key, body, copy) => {
      if (!body) return null;
      const box = el('details', {
        class: 'insp-section', 'data-testid': 'trace-' + key, open: !this.folded.has(key),
        ontoggle: () => (box.open ? this.folded.delete(key) : this.folded.add(key)),
      }, el('summary', { data: { hold: 'fold-' + key } }, t(key)), copy && copyButton(copy), body);
      return box;
    };
    const code = (value, paint, className) => el('pre', { tabindex: '0', class: className }, paint(value));
    const xml = (key, text) => (text ? section(key, code(prettyXML(text), paintXML, key === 'envelope' ? '' : 'unwrapped'), text) : null);
    const json = (key, value) => {
      if (value === undefined || value === null || value === '') return null;
      const text = prettyJSON(value);
      return section(key, code(text, paintJSON), text);
    };
    return [
      el('div', { class: 'trace-sum' },
        el('h3', {}, trace.title),
        el('p', {}, t(trace.kind === 'api' ? 'api' : 'callback'), ' · ', [trace.method, trace.path].filter(Boolean).join(' ') || trace.userid || '', ' · ', clock.divider(Date.parse(trace.at)), ' ',
          status(trace.status), typeof trace.ms === 'number' && ` ${round(trace.ms)} ${t('ms')}`)),
      trace.error && el('p', { class: 'bad' }, trace.error),
      tries.length ? section('attempts', el('ol', { class: 'tries' }, tries.map((a, i) => {
        const bar = el('span', { class: 'try-bar' + (failed(a) ? ' bad' : '') });
        bar.style.width = Math.max(2, 100 * (a.ms ?? 0) / longest) + '%';
        return el('li', {}, el('span', {}, t('nth', i + 1), ' ', el('span', { class: 'soft' }, clock.seconds(Date.parse(a.at)))),
          el('span', { class: 'try-track', 'aria-hidden': 'true' }, bar), el('span', {}, status(a.status), ` ${round(a.ms ?? 0)} ${t('ms')}`), a.error && el('span', { class: 'bad try-error' }, a.error));
      }))) : null,
      xml('plain', trace.plain),
      xml('reply', trace.reply),
      json('request', trace.request),
      json('response', trace.response),
      json('rows', trace.rows),
      trace.query ? section('query', el('dl', { class: 'query' }, [...new URLSearchParams(trace.query)].map(([k, v]) => [el('dt', {}, k), el('dd', {}, v)])), trace.query) : null,
      xml('envelope', trace.envelope),
    ];
  }
}

const failed = (a) => Boolean(a.error) || (typeof a.status === 'number' && a.status !== 200);
const round = (ms) => (ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms));

function status(value) {
  if (value === undefined || value === null || value === '') return null;
  const good = /^(200|0|ok)\b/i.test(String(value));
  const going = /^(sending|pending|…)/i.test(String(value));
  return el('span', { class: 'status-chip ' + (good ? 'good' : going ? '' : 'poor') }, String(value));
}

function copyButton(text) {
  const button = el('button', {
    type: 'button', class: 'copy',
    onclick: async () => {
      try { await navigator.clipboard.writeText(text); button.textContent = t('copied'); } catch { /* a page without https may not copy; the text can be selected */ }
    },
  }, t('copy'));
  return button;
}

// prettyXML indents by the parser's own tree, so CDATA and order stay; what does not parse is shown as it came.
function prettyXML(text) {
  const doc = new DOMParser().parseFromString(text, 'text/xml');
  if (doc.querySelector('parsererror')) return text;
  const print = (node, depth) => {
    const pad = '  '.repeat(depth);
    const kids = [...node.childNodes].filter((k) => k.nodeType !== Node.TEXT_NODE || k.data.trim());
    const attributes = [...node.attributes].map((a) => ` ${a.name}="${a.value}"`).join('');
    if (!kids.length) return `${pad}<${node.nodeName}${attributes}/>`;
    if (kids.every((k) => k.nodeType !== Node.ELEMENT_NODE)) {
      const inner = kids.map((k) => (k.nodeType === Node.CDATA_SECTION_NODE ? `<![CDATA[${k.data}]]>` : k.data)).join('');
      return `${pad}<${node.nodeName}${attributes}>${inner}</${node.nodeName}>`;
    }
    return [`${pad}<${node.nodeName}${attributes}>`, ...kids.filter((k) => k.nodeType === Node.ELEMENT_NODE).map((k) => print(k, depth + 1)), `${pad}</${node.nodeName}>`].join('\n');
  };
  return print(doc.documentElement, 0);
}

function prettyJSON(value) {
  if (typeof value === 'string') {
    try { return JSON.stringify(JSON.parse(value), null, 2); } catch { return value; }
  }
  return JSON.stringify(value, null, 2);
}

function paint(text, pattern, name) {
  const out = [];
  let from = 0;
  for (const hit of text.matchAll(pattern)) {
    if (hit.index > from) out.push(text.slice(from, hit.index));
    out.push(el('span', { class: name(hit) }, hit[0]));
    from = hit.index + hit[0].length;
  }
  out.push(text.slice(from));
  return out;
}

const paintXML = (text) => paint(text, /<!\[CDATA\[|\]\]>|<\/?[\w:.-]+[^<>]*\/?>/g, (hit) => (hit[0].startsWith('<!') || hit[0].startsWith(']') ? 'x-faint' : 'x-tag'));
const paintJSON = (text) => paint(text, /"(?:[^"\\]|\\.)*"(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?\b/g, (hit) => (hit[1] ? 'x-tag' : hit[0][0] === '"' ? 'x-text' : 'x-number'));
