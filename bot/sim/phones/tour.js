// Tour walks a newcomer through the first visit in five steps. It never blocks: each step ends when the hand did it.

import { el, recall, keep } from './dom.js';
import { t } from './words.js';

const STEPS = 5;
// what ends a step, and what on the phone it points at
const ends = { 1: ['menu', 'say'], 2: ['tap'], 3: ['photo'], 4: ['tap'], 5: ['inspect'] };
const last = (root, selector) => [...root.querySelectorAll(selector)].filter((n) => !n.disabled && n.offsetParent).at(-1);
const points = {
  1: (root) => root.querySelector('.menu-tab button') ?? root.querySelector('.input'),
  2: (root, picked) => last(root, '[data-testid=card]')?.querySelector(picked ? '[data-testid=submit]:enabled, [data-testid=card-button]:enabled' : '[data-testid=select-row]:enabled, .check-list'),
  3: (root) => root.querySelector('[data-testid=photo-button]'),
  4: (root) => last(root, '[data-testid=card]')?.querySelector('[data-testid=card-button]:enabled'),
  5: (root) => last(root, '[data-testid=inspector-open]'),
};

export class Tour {
  constructor(host) {
    this.host = host;
    this.step = recall('tour', 1); // 0: dismissed for ever
    this.card = el('div', { class: 'tour', test: 'tour', role: 'complementary', hidden: true });
    this.ring = el('div', { class: 'tour-ring', 'aria-hidden': 'true', hidden: true });
    document.body.append(this.ring, this.card);
    document.addEventListener('click', (e) => { if (e.target.closest('[data-testid=inspector-open]')) this.did('inspect'); });
    setInterval(() => this.place(), 400); // the phone under it scrolls and grows
  }

  start() {
    this.host.bring();
    this.go(1);
    this.card.querySelector('button')?.focus();
  }

  did(what, phone) {
    if (!this.step || (phone && phone !== this.host.phone())) return; // what is done on another phone is no step of this visit
    if (what === 'pick') this.picked = true;
    // someone who types the whole visit at once is simply further on
    if (ends[this.step].includes(what)) this.go(this.step + 1);
    else if (this.step < 3 && what === 'photo') this.go(4);
  }

  go(step) {
    this.step = step > STEPS ? 0 : step;
    this.picked = false;
    keep('tour', this.step);
    this.draw();
  }

  draw() {
    const phone = this.host.phone();
    if (!this.step || !phone) { this.place(); return; }
    const [menu] = this.host.menu();
    const name = phone.member.name || phone.userid;
    const n = this.step;
    this.card.setAttribute('aria-label', t('tourName'));
    this.card.replaceChildren(
      el('p', { class: 'tour-step' }, t('tourName'), ' · ', t('step', n)),
      el('h2', {}, n === 1 ? t('tour1', name) : t('tour' + n)),
      el('p', {}, n === 1 ? t('tour1b', phone.member.kind === 'wechat' ? '' : menu?.sub_button?.[0]?.name ?? menu?.name) : t(`tour${n}b`)),
      el('div', { class: 'tour-dots', 'aria-hidden': 'true' }, Array.from({ length: STEPS }, (_, i) => el('i', { class: i < n ? 'on' : '' }))),
      el('div', { class: 'panel-row' },
        el('button', { type: 'button', class: 'solid', 'data-testid': 'tour-next', onclick: () => this.go(n + 1) }, t(n === STEPS ? 'done' : 'next')),
        el('button', { type: 'button', class: 'plain', 'data-testid': 'tour-never', onclick: () => this.go(0) }, t('never'))));
    this.place();
  }

  // place rings the thing to tap and stands beside the phone, never over what it points at.
  place() {
    const phone = this.host.phone();
    // a phone put aside, or a sheet that needs the whole narrow screen, sends the card away for the while
    const away = !this.step || !phone || phone.root.hidden || (innerWidth < 520 && !phone.sheet.hidden);
    this.card.hidden = away;
    if (away) { this.ring.hidden = true; return; }
    const box = phone.body.getBoundingClientRect();
    const target = !phone.sheet.hidden ? null : points[this.step](phone.root, this.picked);
    const spot = target?.getBoundingClientRect();
    const shown = spot && spot.bottom > box.top + 60 && spot.top < box.bottom;
    this.ring.hidden = !shown;
    if (shown) Object.assign(this.ring.style, { left: spot.left - 5 + 'px', top: spot.top - 5 + 'px', width: spot.width + 10 + 'px', height: spot.height + 10 + 'px' });
    const card = this.card.getBoundingClientRect();
    const beside = box.right + 20 + card.width < innerWidth;
    // where there is no room beside, it stands over the talk: at its foot, above the card in hand or at the head, wherever it covers least
    const foot = phone.box.getBoundingClientRect().top - card.height - 16;
    const head = box.top + 84;
    const clear = shown && (target.closest('[data-testid=card]') ?? target).getBoundingClientRect();
    const covered = (top) => (clear ? Math.max(0, Math.min(top + card.height, clear.bottom) - Math.max(top, clear.top)) : 0);
    const above = clear ? Math.max(head, clear.top - card.height - 14) : foot;
    const over = [foot, above, head].reduce((best, top) => (covered(top) < covered(best) ? top : best));
    const left = beside ? box.right + 14 : box.left + (box.width - card.width) / 2;
    const middle = (shown ? spot.top : box.bottom - 120) - card.height / 2;
    const top = beside ? Math.min(Math.max(box.top + 60, middle), innerHeight - card.height - 16) : over;
    Object.assign(this.card.style, { left: left + 'px', top: top + 'px' });
  }
}
