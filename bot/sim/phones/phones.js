// The page: a table of phones, a dock for the rest, one event stream, the frame around them.

import { el, get, debounce, recall, keep } from './dom.js';
import * as clock from './clock.js';
import { label, t } from './words.js';
import { Phone } from './phone.js';
import { Frame } from './frame.js';
import { Inspector } from './inspector.js';
import { Tour } from './tour.js';

const PHONE = 376; // a 360-point screen and its rim
const SPACE = 20;
const DOCK = 188 + 24;
const MOST = 4;

const stage = document.getElementById('stage');
const table = document.getElementById('table');
const dock = document.getElementById('dock');
const lost = document.getElementById('lost');

let phones = new Map(); // userid → Phone
let onTable = recall('table', []); // userids, left to right
let used = []; // userids, the longest untouched first
let slots = 3;
let state = {};

const host = {
  inspect: (trace, phone) => inspector.show(trace, phone.userid),
  did: (what, phone) => tour.did(what, phone),
  changed: debounce(30, () => drawDock()),
  nameOf: (from) => ({ sms: '短信', official: '服务号' })[from] ?? (state.members ?? []).find((m) => m.userid === from)?.name ?? from,
  inHand: (phone) => used.at(-1) === phone.userid && !phone.root.hidden,
  touched: (phone) => { used = [...used.filter((id) => id !== phone.userid), phone.userid]; },
};
const frame = new Frame({ relabel: () => { inspector.draw(); tour.draw(); drawDock(); layout(); }, freshDay: () => phones.forEach((p) => p.closeSheet()), tour: () => tour.start() });
const inspector = new Inspector(document.getElementById('inspector'), {
  members: () => state.members ?? [],
  moved: (userid) => { if (userid) bring(userid); layout(); },
});
const tour = new Tour({
  phone: () => phones.values().next().value,
  bring: () => { const [id] = phones.keys(); if (id) bring(id); },
  menu: () => state.menu ?? [],
});

// ---- layout: how many phones fit, which of them stand on the table ----

function layout() {
  const inside = stage.clientWidth - 2 * parseFloat(getComputedStyle(stage).paddingLeft)
    - (inspector.beside() ? inspector.width() : 0);
  const fit = (width) => Math.max(1, Math.min(MOST, Math.floor((width + SPACE) / (PHONE + SPACE))));
  slots = fit(inside);
  let kind = 'none';
  if (phones.size > slots) {
    kind = slots === 1 ? 'tabs' : 'strip';
    if (fit(inside - DOCK) >= 3) { kind = 'column'; slots = fit(inside - DOCK); }
  }
  stage.dataset.dock = kind;
  const known = [...phones.keys()];
  onTable = onTable.filter((id) => phones.has(id));
  if (onTable.length > slots) {
    // the ones last touched stay, in the places they had
    const kept = new Set([...onTable].sort((a, b) => used.indexOf(b) - used.indexOf(a)).slice(0, slots));
    onTable = onTable.filter((id) => kept.has(id));
  }
  for (const id of known) if (onTable.length < slots && !onTable.includes(id)) onTable.push(id);
  for (const [id, phone] of phones) phone.root.hidden = !onTable.includes(id);
  // Tab must walk the phones as the eye does, so they are moved, not ordered by style; only what is out of place moves, for a moved talk loses its scroll
  let right = null;
  for (const id of [...onTable].reverse()) {
    const { root } = phones.get(id);
    if (right && !(root.compareDocumentPosition(right) & Node.DOCUMENT_POSITION_FOLLOWING)) table.insertBefore(root, right);
    right = root;
  }
  drawDock();
}

// bring puts a docked phone where the longest untouched one stood, of several the rightmost.
function bring(userid) {
  if (!phones.has(userid)) return;
  if (!onTable.includes(userid)) {
    const leaves = onTable.length < slots ? -1 : onTable.indexOf([...onTable].reverse().sort((a, b) => used.indexOf(a) - used.indexOf(b))[0]);
    if (leaves < 0) onTable.push(userid); else onTable[leaves] = userid;
  }
  used = [...used.filter((id) => id !== userid), userid];
  keep('table', onTable);
  layout();
  phones.get(userid).toEnd();
}

function drawDock() {
  const tabs = stage.dataset.dock === 'tabs';
  const shown = [...phones.values()].filter((p) => tabs || !onTable.includes(p.userid));
  const held = dock.contains(document.activeElement) && document.activeElement.dataset.dock;
  dock.hidden = !shown.length;
  dock.setAttribute('role', tabs ? 'tablist' : 'navigation');
  dock.replaceChildren(...shown.map((p) => {
    const urgent = p.ringing() ? t('ringing') : p.pending().length > 0 && t('urgent');
    const on = onTable.includes(p.userid);
    const name = p.member.name || p.userid;
    return el('button', {
      type: 'button', class: 'tile' + (urgent ? ' tile-alarm' : ''), test: 'dock-phone', data: { dock: p.userid },
      role: tabs ? 'tab' : undefined, 'aria-selected': tabs ? String(on) : undefined, tabindex: tabs && !on ? '-1' : '0',
      'aria-label': [tabs ? name : t('bring', name), urgent, p.unread && t('unread', p.unread)].filter(Boolean).join(', '),
      onclick: () => { bring(p.userid); p.touched(); if (!tabs) p.talk.focus({ preventScroll: true }); },
    },
    el('span', { class: 'tile-name', lang: 'zh-CN' }, name, p.unread > 0 && el('span', { class: 'badge' }, p.unread > 99 ? '99+' : String(p.unread))),
    el('span', { class: 'tile-place', lang: 'zh-CN' }, [p.member.title, p.member.place].filter(Boolean).join(' · ')),
    el('span', { class: 'tile-last', lang: 'zh-CN' }, urgent ? '⚠ ' + urgent : p.last()));
  }));
  const selected = dock.querySelector('[aria-selected=true]');
  if (selected) dock.scrollTo({ left: selected.offsetLeft - 60 });
  if (held) [...dock.children].find((tile) => tile.dataset.dock === held)?.focus({ preventScroll: true });
}

dock.addEventListener('keydown', (e) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
  if (!step || stage.dataset.dock !== 'tabs') return;
  e.preventDefault();
  swipe(step);
  dock.querySelector('[aria-selected=true]')?.focus();
});

// swipe shows the neighbour of the one phone on a narrow screen.
function swipe(step) {
  const ids = [...phones.keys()];
  const next = ids[ids.indexOf(onTable[0]) + step];
  if (!next) return;
  bring(next);
  const phone = phones.get(next);
  phone.touched();
  phone.root.classList.add(step > 0 ? 'from-right' : 'from-left');
  phone.root.addEventListener('animationend', () => phone.root.classList.remove('from-right', 'from-left'), { once: true });
}

let touch = null;
table.addEventListener('touchstart', (e) => {
  touch = e.touches.length === 1 && stage.dataset.dock === 'tabs' && !e.target.closest('textarea, .sheet, .tool') ? e.touches[0] : null;
}, { passive: true });
table.addEventListener('touchend', (e) => {
  if (!touch) return;
  const dx = e.changedTouches[0].clientX - touch.clientX;
  const dy = e.changedTouches[0].clientY - touch.clientY;
  touch = null;
  if (Math.abs(dx) > 64 && Math.abs(dx) > 2 * Math.abs(dy)) swipe(dx < 0 ? 1 : -1);
}, { passive: true });

// ---- what the simulator says ----

function takeState(next) {
  state = next;
  clock.setNow(next.now);
  frame.setState(next);
  const members = next.members ?? [];
  const wanted = new Map(members.map((m) => [m.userid, m]));
  for (const [id, phone] of phones) if (!wanted.has(id)) { phone.root.remove(); phones.delete(id); }
  const before = phones.size;
  phones = new Map(members.map((m) => [m.userid, phones.get(m.userid) ?? new Phone(m, host)]));
  for (const phone of phones.values()) {
    if (!phone.root.isConnected) table.append(phone.root);
    phone.setMenu(next.menu);
    phone.setSeat(wanted.get(phone.userid).kf);
    phone.setCall((next.ringing ?? []).findLast((call) => call.userid === phone.userid));
  }
  table.querySelector('.nobody')?.remove();
  if (!phones.size) table.append(el('p', { class: 'nobody' }, t('nobody')));
  if (phones.size !== before) layout();
  tick();
}

async function loadAll() {
  takeState(await get('/sim/state'));
  await Promise.all([...phones.values()].map((p) => p.reload()));
  tour.draw();
}

// A state event follows a changed clock or fault, and a "start over" of this or another browser, so the talks are read again.
const reread = debounce(150, () => Promise.all([...phones.values()].map((p) => p.reload())).catch(() => { /* the stream reports a lost connection */ }));

let stream;
let broken = false;

function connect() {
  stream?.close();
  stream = new EventSource('/sim/events');
  stream.onopen = () => {
    loadAll().then(() => {
      if (broken) { lost.textContent = t('back'); lost.classList.add('back'); setTimeout(() => { if (!broken) lost.hidden = true; }, 2500); }
      broken = false;
    }).catch(fail);
  };
  stream.onerror = fail;
  stream.addEventListener('message', (e) => {
    const m = JSON.parse(e.data);
    phones.get(m.userid)?.put(m, true);
  });
  stream.addEventListener('state', (e) => { takeState(JSON.parse(e.data)); reread(); });
  stream.addEventListener('trace', () => inspector.news());
}

let retry;
function fail() {
  broken = true;
  lost.classList.remove('back');
  lost.textContent = t('lost');
  lost.hidden = false;
  clearTimeout(retry);
  // the browser retries a cut stream by itself, but gives up on a refused one, and knows nothing of talks that could not be read
  retry = setTimeout(() => { if (broken) connect(); }, 2000);
}

let day;
function tick() {
  frame.tick();
  for (const phone of phones.values()) phone.tick();
  if (day !== undefined && day !== clock.today()) for (const phone of phones.values()) phone.arrange();
  day = clock.today();
}

label();
layout();
new ResizeObserver(debounce(60, layout)).observe(stage);
setInterval(tick, 1000);
connect();
