// A template card: the five types of WeCom's page 90236, drawn from the JSON as WeCom got it.
// It draws and collects choices; what may be tapped in the end the simulator decides.

import { el, icon, clip, clipped, link, picture } from './dom.js';

// Recommended lengths in characters (page 90236); what is longer is cut on the phone.
const LONGEST = {
  source: 20, title: 36, voteTitle: 16, desc: 44, longDesc: 160, sub: 160, bigTitle: 14, bigDesc: 22,
  keyname: 5, value: 30, jump: 18, button: 10, option: 16, voteOption: 17, rowTitle: 38, beside: 5,
};

// questions lists what a card asks, whichever field it asks in.
export function questions(card) {
  const list = [];
  if (card.button_selection) list.push({ ...card.button_selection, kind: 'select' });
  if (card.checkbox) list.push({ ...card.checkbox, kind: card.checkbox.mode === 1 ? 'many' : 'one' });
  for (const select of card.select_list ?? []) list.push({ ...select, kind: 'select' });
  return list;
}

// startingChoice is what a fresh card shows: selected_id, or the first option when it is absent or unknown;
// is_checked for a check list, of which a single choice keeps only the first.
export function startingChoice(card) {
  const chosen = {};
  for (const q of questions(card)) {
    const options = q.option_list ?? [];
    if (q.kind === 'select') {
      const known = options.find((o) => o.id === q.selected_id) ?? options[0];
      chosen[q.question_key] = known ? [known.id] : [];
    } else {
      const ticked = options.filter((o) => o.is_checked).map((o) => o.id);
      chosen[q.question_key] = q.kind === 'one' ? ticked.slice(0, 1) : ticked;
    }
  }
  return chosen;
}

// cardTitle is the line a person reads first.
export const cardTitle = (card) => card.main_title?.title || card.sub_title_text || card.emphasis_content?.title || '';

// drawCard: m is the message, hand offers choice (question_key → ids), pick(), tap(key), select(question).
export function drawCard(m, hand) {
  const card = m.card ?? {};
  const type = card.card_type;
  const closed = Boolean(m.disabled || m.replace_text || card.replace_text);
  const replaced = m.replace_text || card.replace_text || '';
  const root = el('article', {
    class: 'card card-' + type + (closed ? ' closed' : ''), test: 'card',
    data: { card: card.task_id ?? '', type, closed: closed ? 'true' : undefined }, 'aria-label': cardTitle(card),
  });

  if (card.source || card.action_menu) {
    root.append(el('div', { class: 'card-top' },
      card.source?.icon_url && picture(card.source.icon_url, '', 'card-source-icon'),
      clipped(card.source?.desc, LONGEST.source, 'card-source color-' + (card.source?.desc_color ?? 0)),
      card.action_menu && el('button', {
        type: 'button', class: 'card-more', test: 'card-menu', 'aria-label': card.action_menu.desc || '更多', 'aria-haspopup': 'dialog',
        onclick: () => hand.more(card.action_menu),
      }, icon('more'))));
  }
  if (card.card_image) root.append(picture(card.card_image.url, '配图', 'card-image'));
  root.append(el('div', { class: 'card-main' }, mainPart(card, type)));

  const asked = questions(card);
  if (asked.length) {
    const off = (q) => closed || Boolean(q.disable);
    root.append(el('div', { class: 'card-ask' },
      asked.map((q) => (q.kind === 'select' ? selectRow(q, off(q), hand) : checkList(q, off(q), hand)))));
  }
  const foot = buttons(m, card, closed, replaced, hand);
  if (foot) root.append(foot);
  if (card.jump_list?.length) {
    root.append(el('div', { class: 'card-jumps' }, card.jump_list.map((jump) => link(jump.type === 1 ? jump.url : '', 'card-jump',
      clipped(jump.title, LONGEST.jump), jump.type === 2 && el('span', { class: 'soft' }, '小程序'), icon('next')))));
  }
  return root;
}

function mainPart(card, type) {
  const wordy = type === 'vote_interaction' || type === 'multiple_interaction';
  const title = card.main_title?.title;
  const goes = card.card_action?.type === 1 ? card.card_action.url : '';
  return [
    title && el('h3', { class: 'card-title' }, link(goes, 'card-go', clipped(title, type === 'vote_interaction' ? LONGEST.voteTitle : LONGEST.title))),
    card.main_title?.desc && el('p', { class: 'card-desc' }, clipped(card.main_title.desc, wordy ? LONGEST.longDesc : LONGEST.desc)),
    card.emphasis_content && el('div', { class: 'card-big' },
      clipped(card.emphasis_content.title, LONGEST.bigTitle, 'big'), clipped(card.emphasis_content.desc, LONGEST.bigDesc, 'soft')),
    card.image_text_area && el('div', { class: 'card-image-text' },
      picture(card.image_text_area.image_url, '配图', 'thumb'),
      el('div', {}, el('b', {}, card.image_text_area.title ?? ''), el('p', { class: 'card-desc' }, card.image_text_area.desc ?? ''))),
    card.quote_area && el('blockquote', { class: 'card-quote' },
      card.quote_area.title && el('b', {}, link(card.quote_area.type === 1 ? card.quote_area.url : '', 'link', card.quote_area.title)),
      card.quote_area.quote_text && el('div', {}, card.quote_area.quote_text)),
    card.sub_title_text && el('p', { class: 'card-sub' }, clipped(card.sub_title_text, LONGEST.sub)),
    (card.vertical_content_list ?? []).map((row) => el('div', { class: 'card-vertical' },
      el('b', {}, clipped(row.title, LONGEST.rowTitle)), row.desc && el('p', { class: 'card-desc' }, clipped(row.desc, LONGEST.sub)))),
    card.horizontal_content_list?.length > 0 && el('dl', { class: 'card-pairs' }, card.horizontal_content_list.map((row) => [
      el('dt', {}, clipped(row.keyname, LONGEST.keyname)), el('dd', {}, pairValue(row))])),
  ];
}

function pairValue(row) {
  const value = clipped(row.value, LONGEST.value);
  if (row.type === 1) return link(row.url, 'link', value);
  if (row.type === 2) return link('/sim/media/' + encodeURIComponent(row.media_id), 'link', icon('file'), value);
  return row.type === 3 ? el('span', { class: 'member' }, value) : value;
}

function selectRow(q, off, hand) {
  const id = hand.choice[q.question_key]?.[0];
  const text = q.option_list?.find((o) => o.id === id)?.text ?? '';
  return el('button', {
    type: 'button', class: 'select-row', test: 'select-row', data: { qkey: q.question_key }, disabled: off,
    'aria-haspopup': 'dialog', onclick: () => hand.select(q),
  }, el('span', { class: 'select-text' + (clip(q.title, LONGEST.beside).cut ? ' stacked' : '') },
    q.title && el('span', { class: 'select-title' }, q.title), clipped(text, LONGEST.option, 'select-value')), !off && icon('down'));
}

function checkList(q, off, hand) {
  const chosen = hand.choice[q.question_key] ?? [];
  const many = q.kind === 'many';
  return el('div', { class: 'check-list', role: many ? 'group' : 'radiogroup', 'aria-label': many ? '可多选' : '选一个' },
    (q.option_list ?? []).map((o, i) => {
      const on = chosen.includes(o.id);
      // one stop for Tab in a radio group, arrows inside it
      const stop = many || on || (!chosen.length && i === 0);
      return el('button', {
        type: 'button', class: 'check-row', test: 'option', data: { id: o.id, qkey: q.question_key }, disabled: off,
        role: many ? 'checkbox' : 'radio', 'aria-checked': String(on), tabindex: stop ? '0' : '-1',
        onclick: () => hand.pick(q.question_key, many ? (on ? chosen.filter((c) => c !== o.id) : [...chosen, o.id]) : [o.id]),
      }, el('span', { class: many ? 'mark box' : 'mark ring' }, on && icon('tick')), clipped(o.text, LONGEST.voteOption));
    }));
}

// optionRows are the choices of one question inside a sheet.
export function optionRows(q, chosen, pick) {
  return el('div', { class: 'option-list', role: 'radiogroup', 'aria-label': q.title || '选一个' },
    (q.option_list ?? []).map((o) => el('button', {
      type: 'button', class: 'option-row', test: 'option', data: { id: o.id, qkey: q.question_key },
      role: 'radio', 'aria-checked': String(chosen === o.id), tabindex: chosen === o.id ? '0' : '-1', onclick: () => pick(o.id),
    }, clipped(o.text, LONGEST.option), chosen === o.id && icon('tick'))));
}

function buttons(m, card, closed, replaced, hand) {
  const submits = card.submit_button || card.checkbox || card.select_list;
  if (closed && replaced) {
    return el('div', { class: 'card-buttons' },
      el('button', { type: 'button', class: 'card-button replaced', test: submits ? 'submit' : 'card-button', disabled: true }, replaced));
  }
  if (submits) {
    if (!card.submit_button) return null;
    const key = card.submit_button.key;
    return el('div', { class: 'card-buttons' }, el('button', {
      type: 'button', class: 'card-button style-1', test: 'submit', data: { key }, disabled: closed, onclick: () => hand.tap(key),
    }, clipped(card.submit_button.text || '提交', LONGEST.button)));
  }
  if (!card.button_list?.length) return null;
  const short = card.button_list.every((b) => [...(b.text ?? '')].length <= 4) && card.button_list.length <= 3;
  return el('div', { class: 'card-buttons' + (short ? ' in-row' : '') }, card.button_list.map((b) => {
    const style = [1, 2, 3, 4].includes(b.style) ? b.style : 1;
    const text = clipped(b.text, LONGEST.button);
    if (b.type === 1) return closed ? el('span', { class: 'card-button', 'aria-disabled': 'true' }, text) : link(b.url, 'card-button style-' + style, text);
    return el('button', {
      type: 'button', class: 'card-button style-' + style + (m.tapped === b.key ? ' tapped' : ''), test: 'card-button',
      data: { key: b.key }, disabled: closed, onclick: () => hand.tap(b.key),
    }, m.tapped === b.key && icon('tick'), text);
  }));
}
