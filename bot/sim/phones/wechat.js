// What only a WeChat phone does: it scans the card, and says in the chat's own sheet whether it takes messages.

import { el, icon, get } from './dom.js';

export const isKfLink = (url) => /^https:\/\/work\.weixin\.qq\.com\/kf\//.test(url ?? '');

// scanSheet offers the cards the host knows, and a field for a link.
export async function scanSheet(phone) {
  const go = (url) => { phone.closeSheet(); phone.wechat('scan', { url }); };
  const cards = el('div', { class: 'option-list' }, el('p', { class: 'soft sheet-note' }, '正在看有哪些联系卡…'));
  const field = el('input', { class: 'scan-url', test: 'scan-url', type: 'url', 'aria-label': '客服链接', placeholder: 'https://work.weixin.qq.com/kf/…', required: true });
  const form = el('form', { class: 'scan-form', onsubmit: (e) => { e.preventDefault(); go(field.value.trim()); } },
    field, el('button', { type: 'submit', class: 'send-button', test: 'scan-go' }, '打开'));
  phone.openSheet('扫一扫', [cards, form]);
  try {
    const known = await get('/sim/cards');
    cards.replaceChildren(...(known.length ? known.map((card) => el('button', {
      type: 'button', class: 'option-row', test: 'scan-card', onclick: () => go(card.url),
    }, el('span', {}, icon('scan'), ' ', card.label))) : [el('p', { class: 'soft sheet-note' }, '手机上还没有收到联系卡。有客服链接,也可以贴在下面。')]));
    if (known.length && phone.sheet.contains(cards)) cards.querySelector('button').focus({ preventScroll: true });
  } catch (err) {
    cards.replaceChildren(el('p', { class: 'soft sheet-note' }, err.message));
  }
}

// chatSheet is 聊天信息: the switch that refuses messages, taking back what was said last, and the way out.
export function chatSheet(phone) {
  const mine = [...phone.messages.values()].filter((m) => m.from === 'me' && m.msgid && !m.recalled).at(-1);
  const refuse = el('button', {
    type: 'button', role: 'switch', class: 'switch', test: 'kf-block', 'aria-label': '拒收消息', 'aria-checked': String(phone.seat.refused),
    onclick: async () => {
      const on = refuse.getAttribute('aria-checked') !== 'true';
      if (await phone.wechat('block', { on })) refuse.setAttribute('aria-checked', String(on));
    },
  });
  phone.openSheet('聊天信息', [
    el('div', { class: 'sheet-row' }, el('div', {}, el('b', {}, '拒收消息'), el('p', { class: 'soft' }, '客服发来的都收不到,客服也不会马上知道')), refuse),
    mine && el('button', { type: 'button', class: 'sheet-action', test: 'kf-recall', onclick: () => { phone.closeSheet(); phone.wechat('recall', { id: mine.msgid }); } }, '撤回我说的上一条'),
    phone.seat.inside && el('button', { type: 'button', class: 'sheet-action', test: 'kf-leave-sheet', onclick: () => { phone.closeSheet(); phone.wechat('leave'); } }, '退出客服'),
  ]);
}
