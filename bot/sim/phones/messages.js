// What stands in a bubble, for every kind of message but the template card.

import { el, icon, link, picture, webURL } from './dom.js';
import { plainText, textcard, markdown } from './richtext.js';

const URGENT = /^\s*⚠\uFE0F?\s*紧急/;

// alarmText answers the alarm's first line, or '' for an ordinary message.
export function alarmText(m, title) {
  if (m.from !== 'app' || m.recalled) return '';
  const first = (m.type === 'template_card' ? title : m.text || m.title || '').split('\n')[0];
  return URGENT.test(first) ? first : '';
}

// summary is one line for the dock and for a reader's ear.
export function summary(m, title) {
  if (m.recalled) return '撤回了一条消息';
  const words = {
    image: '[图片]', voice: '[语音]', video: '[视频]', file: '[文件] ' + (m.title || ''), location: '[位置] ' + (m.label || ''),
    msgmenu: m.menu?.head || m.menu?.items?.[0]?.content, miniprogram: '[小程序] ' + (m.title || ''),
    template_card: title, textcard: m.title, link: '[链接] ' + (m.title || ''), miniprogram_notice: m.title,
    news: m.articles?.[0]?.title, mpnews: m.articles?.[0]?.title,
  };
  return (words[m.type] ?? m.text ?? '').replace(/<[^>]+>/g, '').split('\n')[0];
}

const draw = {
  text: (m) => el('div', { class: 'bubble' }, plainText(m.text ?? ''), m.cut && cutMark()),
  markdown: (m) => el('div', { class: 'bubble markdown' }, markdown(m.text ?? ''), m.cut && cutMark()),
  image: (m, hand) => el('div', { class: 'bubble media' }, el('button', {
    type: 'button', class: 'photo-open', test: 'photo-open', 'aria-label': '放大看' + named(m), title: '放大看', onclick: () => hand.look(m),
  }, picture(m.media_url, named(m), 'photo'))),
  voice: (m) => el('div', { class: 'bubble voice', role: 'img', 'aria-label': '语音 ' + (m.label || '') }, icon('voice'), el('span', {}, m.label || '语音')),
  video: (m) => el('div', { class: 'bubble media' },
    m.media_url ? el('video', { class: 'photo', src: m.media_url, controls: true, preload: 'none', 'aria-label': m.title || '视频' }) : picture('', '视频', 'photo'),
    m.title && el('div', { class: 'media-title' }, m.title)),
  file: (m) => el('div', { class: 'bubble slab' }, link(m.media_url, 'slab-row', icon('file'), el('b', {}, m.title || m.label || '文件'))),
  location: (m) => el('div', { class: 'bubble slab place' },
    el('div', { class: 'map', 'aria-hidden': 'true' }, icon('pin')),
    el('div', { class: 'slab-text' }, el('b', {}, m.label || '位置'), el('span', { class: 'soft' }, coordinates(m)))),
  link: (m) => el('div', { class: 'bubble slab' }, el('div', { class: 'slab-text' },
    el('b', {}, link(m.url, 'link', m.title || m.url || '链接')), m.description && el('span', { class: 'soft' }, m.description)),
  m.media_url && picture(m.media_url, '配图', 'link-thumb')),
  msgmenu: (m, hand) => el('div', { class: 'bubble slab kf-menu' },
    m.menu.head && el('p', { class: 'kf-menu-text' }, plainText(m.menu.head)),
    (m.menu.items ?? []).map((item) => menuItem(m, item, hand)),
    m.menu.tail && el('p', { class: 'kf-menu-text' }, plainText(m.menu.tail))),
  miniprogram: (m) => el('div', { class: 'bubble slab' }, el('div', { class: 'slab-text' }, el('b', {}, m.title ?? '')),
    m.media_url && picture(m.media_url, '配图', 'photo'), el('span', { class: 'slab-foot' }, '小程序')),
  textcard: (m) => el('div', { class: 'slab wide' }, el('div', { class: 'slab-text' },
    el('b', { class: 'card-title' }, m.title ?? ''), el('div', { class: 'tc' }, textcard(m.description ?? ''))),
  link(m.url, 'slab-foot', m.btntxt || '详情', icon('next'))),
  news, mpnews: news,
  miniprogram_notice: (m) => el('div', { class: 'slab wide' }, el('div', { class: 'slab-text' },
    el('b', { class: 'card-title' }, m.title ?? ''), m.description && el('div', { class: 'tc' }, m.description),
    el('dl', { class: 'card-pairs' }, (m.content_item ?? []).map((item) => [el('dt', {}, item.key), el('dd', {}, item.value)]))),
  el('span', { class: 'slab-foot' }, '小程序')),
};

function menuItem(m, item, hand) {
  if (item.type === 'click') return el('button', { type: 'button', class: 'kf-menu-item', test: 'kf-click', data: { key: item.id }, onclick: () => hand.click(m, item) }, item.content);
  if (item.type === 'view' && webURL(item.url)) return link(item.url, 'kf-menu-item', item.content);
  return el('p', { class: item.type === 'text' ? 'kf-menu-text' : 'kf-menu-item' }, item.content);
}

function cutMark() {
  return el('span', { class: 'cut-mark', 'data-testid': 'cut' }, '超过 2048 字节,后面被企业微信截掉了');
}

function coordinates(m) {
  return typeof m.lat === 'number' && typeof m.lon === 'number' ? `北纬 ${m.lat.toFixed(4)}° 东经 ${m.lon.toFixed(4)}°` : '';
}

function news(m) {
  const articles = m.articles ?? [];
  return el('div', { class: 'slab wide news' }, articles.map((a, i) => link(a.url || a.content_source_url, i ? 'news-row' : 'news-first',
    i === 0 && picture(a.picurl || a.media_url, '配图', 'card-image'),
    el('div', { class: 'slab-text' }, el('b', { class: i ? '' : 'card-title' }, a.title ?? ''),
      i === 0 && (a.description || a.digest) && el('span', { class: 'soft' }, a.description || a.digest)),
    i > 0 && a.picurl && picture(a.picurl, '配图', 'thumb'))));
}

// named is what an image is called to who cannot see it: WeCom gives its file name and nothing else.
export const named = (m) => (m.from === 'app' ? '图片 ' + (m.title ?? '').replace(/\.\w+$/, '') : '照片').trim();

// drawBody answers the message's body; an unknown type says its name rather than vanish. hand.look opens a picture.
export function drawBody(m, hand) {
  const make = draw[m.type];
  return make ? make(m, hand) : el('div', { class: 'bubble' }, `[${m.type}] ${m.text ?? ''}`);
}

// wide bodies take the full width of the screen and stand without an avatar.
export const isWide = (m) => ['template_card', 'textcard', 'news', 'mpnews', 'miniprogram_notice'].includes(m.type);
