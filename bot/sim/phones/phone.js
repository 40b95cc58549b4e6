// Phone is one member's phone: plate, conversation, input bar, menu, sheets, alarm.
// It speaks Chinese whatever the frame speaks, because a visitor's phone does.

import { el, icon, get, post, recall, keep, webURL, picture } from './dom.js';
import * as clock from './clock.js';
import { drawCard, cardTitle, startingChoice, questions, optionRows } from './cards.js';
import { drawBody, isWide, alarmText, summary, named } from './messages.js';
import { isKfLink, scanSheet, chatSheet } from './wechat.js';

const GAP = 5 * 60 * 1000; // a time divider stands where the talk paused this long
const NO_DATA = 0x7c; // AMR frame "nothing said", 20 ms

// A silent recording of the length one held the button: WeCom takes no empty voice (44001).
function silence(ms) {
  const frames = new Uint8Array(6 + Math.max(25, Math.round(ms / 20))).fill(NO_DATA);
  frames.set([0x23, 0x21, 0x41, 0x4d, 0x52, 0x0a]); // "#!AMR\n"
  return new Blob([frames], { type: 'audio/amr' });
}

// Phone tells its host what happened through host.did(what, phone), and asks it for traces by host.inspect(id, phone).
export class Phone {
  constructor(member, host) {
    this.member = member;
    this.userid = member.userid;
    this.host = host;
    this.messages = new Map(); // id → message, oldest first
    this.nodes = new Map(); // id → {node, made from}
    this.choices = new Map(); // id → {asked, chosen}
    this.seen = recall('seen.' + this.userid, '');
    this.opened = new Set(recall('opened.' + this.userid, [])); // alarms a person has opened
    this.unread = 0;
    this.loaded = false;
    this.atEnd = true;
    this.build();
    // a talk read to its end stays there when a picture loads, a banner comes or the screen shrinks
    const sized = new ResizeObserver(() => { if (this.atEnd) this.talk.scrollTop = this.talk.scrollHeight; });
    sized.observe(this.talk);
    sized.observe(this.list);
  }

  build() {
    const { member } = this;
    const who = member.name || member.userid;
    const kind = ['wechat', 'group'].includes(member.kind) ? member.kind : 'wecom';
    const [title, at] = { wecom: ['巡访', ''], wechat: ['巡访 · 家属服务', '微信客服'], group: [who, member.title] }[kind];
    const none = { wecom: '还没有消息\n在下面说一句话,或点菜单', wechat: '还没有消息\n扫一扫老人的联系卡,进客服', group: '还没有消息\n应用发不出警报时,机器人在这里说' }[kind];
    this.badge = el('span', { class: 'badge', hidden: true });
    this.time = el('span', { class: 'status-time' });
    this.banner = el('div', { class: 'banner', role: 'alert', hidden: true });
    this.list = el('ol', { class: 'talk-list' });
    this.empty = el('p', { class: 'talk-empty' }, none);
    this.talk = el('div', { class: 'talk', role: 'log', 'aria-label': '消息', tabindex: '0', onscroll: () => this.scrolled(), onclick: (e) => this.follow(e) }, this.empty, this.list);
    this.headTitle = el('span', {}, title);
    this.headAt = at && el('span', { class: 'head-at' }, at);
    const left = {
      group: () => el('span'),
      wechat: () => el('button', { type: 'button', class: 'head-back', test: 'kf-leave', 'aria-label': '退出客服', title: '退出客服', onclick: () => this.wechat('leave') }, icon('back')),
      wecom: () => el('button', { type: 'button', class: 'head-back', 'aria-label': '退出再进入应用', title: '退出再进入应用', onclick: () => this.say({ type: 'enter_agent' }) }, icon('back')),
    }[kind]();
    this.leave = kind === 'wechat' && left;
    this.more = kind === 'wechat' && el('button', { type: 'button', class: 'head-back head-more', test: 'kf-more', 'aria-label': '聊天信息', title: '聊天信息', onclick: () => chatSheet(this) }, icon('more'));
    this.newer = el('button', { type: 'button', class: 'newer', hidden: true, onclick: () => this.toEnd() });
    this.menuBar = el('nav', { class: 'menu', 'aria-label': who + '的应用菜单' });
    this.toast = el('div', { class: 'toast', role: 'status', hidden: true });
    this.sheet = el('div', { class: 'sheet-shade', hidden: true, onclick: (e) => { if (e.target === this.sheet) this.closeSheet(); } });
    this.calling = el('div', { class: 'calling', test: 'calling', role: 'alertdialog', 'aria-label': '企业微信来电', hidden: true },
      el('span', { class: 'calling-mark', 'aria-hidden': 'true' }, icon('call')),
      el('h3', {}, '企业微信来电'), el('p', {}, '紧急通知 · 巡访'),
      el('div', { class: 'calling-keys' },
        el('button', { type: 'button', class: 'call-no', test: 'call-reject', onclick: () => this.pickUp('/sim/reject') }, icon('call'), el('span', {}, '挂断')),
        el('button', { type: 'button', class: 'call-yes', test: 'call-answer', onclick: () => this.pickUp('/sim/answer', '语音:有紧急消息,请看企业微信') }, icon('call'), el('span', {}, '接听'))));
    this.under = el('div', { class: 'under' },
      el('div', { class: 'head' },
        left, el('div', { class: 'head-title' }, this.headTitle, this.headAt), this.more),
      this.banner, this.talk, this.newer, kind !== 'group' && this.inputBar(), this.menuBar);
    this.body = el('div', { class: 'body' }, el('div', { class: 'screen' },
      el('div', { class: 'status', 'aria-hidden': 'true' }, this.time, el('span', { class: 'status-icons' }, icon('signal'), icon('battery'))),
      this.under, this.sheet, this.calling, this.toast));
    this.root = el('section', {
      class: 'phone', data: { phone: this.userid, kind }, lang: 'zh-CN', 'aria-label': kind === 'group' ? who : who + '的手机',
      onpointerdown: () => this.touched(), onfocusin: () => this.touched(),
      onkeydown: (e) => this.keys(e),
    },
    el('header', { class: 'plate' },
      el('div', { class: 'plate-text' },
        el('h2', {}, who, this.badge),
        el('p', {}, [member.title, member.place].filter(Boolean).join(' · '))),
      el('button', { type: 'button', class: 'plate-button', 'data-testid': 'phone-inspect', 'aria-label': who + '的来往', title: '查看这部手机的来往', onclick: () => this.host.inspect('', this) }, icon('inspect'))),
    this.body);
  }

  inputBar() {
    this.box = el('textarea', {
      class: 'send-box', test: 'send-box', rows: '1', 'aria-label': '输入消息', enterkeyhint: 'send',
      oninput: () => this.sizeBox(),
      onkeydown: (e) => {
        // an input method ends a word with Enter too: that one must not send
        if (e.key === 'Enter' && !e.shiftKey && !e.isComposing && e.keyCode !== 229) { e.preventDefault(); this.sendText(); }
      },
    });
    this.sendButton = el('button', { type: 'button', class: 'send-button', test: 'send-button', 'aria-label': '发送', disabled: true, onclick: () => this.sendText() }, '发送');
    const tool = (name, label, test, run) => el('button', { type: 'button', class: 'tool', test, 'aria-label': label, title: label, onclick: run }, icon(name));
    const hold = tool('mic', '按住说话', 'voice-button');
    this.recording = el('div', { class: 'recording', hidden: true, 'aria-live': 'polite' });
    this.holdToTalk(hold);
    const photo = tool('image', '发照片', 'photo-button', () => this.choosePhoto());
    if (this.member.kind !== 'wechat') {
      return el('div', { class: 'input' }, hold, this.box, this.sendButton, photo, tool('pin', '发位置', 'location-button', () => this.choosePlace()), this.recording);
    }
    // outside the conversation there is nobody to write to
    this.inner = el('div', { class: 'input-inner', hidden: true }, hold, this.box, this.sendButton, photo, tool('scan', '扫一扫', 'scan-button', () => scanSheet(this)));
    this.again = el('button', { type: 'button', class: 'enter', test: 'kf-enter', hidden: true, onclick: () => this.wechat('enter') });
    this.outer = el('div', { class: 'input-inner' }, el('button', { type: 'button', class: 'enter', test: 'scan-first', onclick: () => scanSheet(this) }, icon('scan'), '扫一扫'), this.again);
    return el('div', { class: 'input' }, this.inner, this.outer, this.recording);
  }

  // ---- WeChat ----

  // setSeat shows where a WeChat phone stands: in which conversation, and whether it takes messages.
  setSeat(seat) {
    if (!seat || JSON.stringify(seat) === JSON.stringify(this.seat)) return;
    this.seat = seat;
    this.headTitle.textContent = seat.account || '微信';
    this.headAt.hidden = !seat.account;
    this.inner.hidden = !seat.inside;
    this.outer.hidden = seat.inside;
    this.leave.hidden = !seat.inside;
    this.more.hidden = !seat.account;
    this.again.hidden = !seat.account;
    this.again.textContent = '回到' + seat.account;
  }

  wechat(act, more) { return this.ask('/sim/wechat', { act, ...more }); }

  // follow opens a link of 微信客服 as WeChat does: in WeChat itself.
  follow(e) {
    const href = e.target.closest('a[href]')?.href;
    if (this.member.kind !== 'wechat' || !isKfLink(href)) return;
    e.preventDefault();
    this.wechat('scan', { url: href });
  }

  holdToTalk(button) {
    let since = 0;
    let tick;
    const start = () => {
      if (since) return;
      since = Date.now();
      const show = () => { this.recording.textContent = `正在录音 ${Math.round((Date.now() - since) / 1000)}″,松开发送`; };
      show();
      tick = setInterval(show, 500);
      this.recording.hidden = false;
      button.classList.add('held');
    };
    const stop = (send) => {
      if (!since) return;
      const ms = Date.now() - since;
      since = 0;
      clearInterval(tick);
      this.recording.hidden = true;
      button.classList.remove('held');
      if (send) this.sendVoice(Math.max(1000, ms));
    };
    button.addEventListener('pointerdown', (e) => { button.setPointerCapture(e.pointerId); start(); });
    button.addEventListener('pointerup', () => stop(true));
    button.addEventListener('pointercancel', () => stop(false));
    button.addEventListener('contextmenu', (e) => e.preventDefault());
    button.addEventListener('keydown', (e) => {
      if (e.key === ' ' || e.key === 'Enter') { e.preventDefault(); if (!e.repeat) start(); }
      if (e.key === 'Escape') stop(false);
    });
    button.addEventListener('keyup', (e) => { if (e.key === ' ' || e.key === 'Enter') stop(true); });
    button.addEventListener('blur', () => stop(false));
  }

  sizeBox() {
    this.box.style.height = 'auto';
    this.box.style.height = Math.min(96, this.box.scrollHeight) + 'px';
    this.sendButton.disabled = !this.box.value.trim();
  }

  // ---- what a hand does ----

  async ask(path, body) {
    try {
      return await post(path, { userid: this.userid, ...body });
    } catch (err) {
      this.tell(err.message);
      return null;
    }
  }

  // tell shows one line on the phone for a moment.
  tell(text) {
    this.toast.textContent = text;
    this.toast.hidden = false;
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => { this.toast.hidden = true; }, 4000);
  }

  say(body) { return this.ask('/sim/say', body); }

  async sendText() {
    const text = this.box.value;
    if (!text.trim()) return;
    this.box.value = '';
    this.sizeBox();
    if (await this.say({ type: 'text', text })) this.host.did('say', this);
    else if (!this.box.value) { this.box.value = text; this.sizeBox(); }
  }

  async upload(type, bytes) {
    try {
      return (await post('/sim/upload?type=' + type, bytes)).media_id;
    } catch (err) {
      this.tell(err.message);
      return '';
    }
  }

  async sendVoice(ms) {
    const id = await this.upload('voice', silence(ms));
    if (id) await this.say({ type: 'voice', media_id: id });
  }

  async choosePhoto() {
    const file = el('input', {
      type: 'file', accept: 'image/jpeg,image/png', class: 'hidden-input', 'data-testid': 'photo-file', tabindex: '-1', 'aria-hidden': 'true',
      onchange: async () => {
        if (!file.files[0]) return;
        this.closeSheet();
        const id = await this.upload('image', file.files[0]);
        if (id && await this.say({ type: 'image', media_id: id })) this.host.did('photo', this);
      },
    });
    const grid = el('div', { class: 'drawings' });
    this.openSheet('发照片', [grid, file, el('button', { type: 'button', class: 'sheet-action', onclick: () => file.click() }, icon('image'), '选一张自己的照片')]);
    try {
      const drawings = await get('/sim/drawings');
      grid.append(...drawings.map((d) => el('button', {
        type: 'button', class: 'drawing', test: 'drawing', data: { id: d.id },
        onclick: async () => {
          this.closeSheet();
          if (await this.say({ type: 'image', drawing: d.id })) this.host.did('photo', this);
        },
      }, el('img', { src: d.url, alt: '', loading: 'lazy' }), el('span', {}, d.name))));
      grid.querySelector('button')?.focus({ preventScroll: true });
    } catch (err) {
      grid.append(el('p', { class: 'soft' }, err.message));
    }
  }

  choosePlace() {
    // invented spots around the county seat of 永宁县
    const place = this.member.place || '永宁县';
    const spots = [[place + '村委会', 38.2781, 106.2502], [place + '二组', 38.2836, 106.2419], [place + '卫生室', 38.2745, 106.2577], ['永宁县民政局', 38.2769, 106.2538]];
    this.openSheet('发位置', [el('div', { class: 'option-list' }, spots.map(([label, lat, lon]) => el('button', {
      type: 'button', class: 'option-row', 'data-testid': 'place',
      onclick: () => { this.closeSheet(); this.say({ type: 'location', label, lat, lon }); },
    }, el('span', {}, icon('pin'), ' ', label))))]);
  }

  async tap(m, key) {
    const chosen = questions(m.card ?? {}).length ? this.choice(m) : {};
    const node = this.nodes.get(m.id)?.node;
    node?.setAttribute('aria-busy', 'true');
    if (await this.ask('/sim/tap', { id: m.id, key, selected: chosen })) this.host.did('tap', this);
    node?.removeAttribute('aria-busy');
    this.open(m);
  }

  // ---- menu ----

  setMenu(menu) {
    const drawn = JSON.stringify(menu ?? []);
    if (drawn === this.menuDrawn) return;
    this.menuDrawn = drawn;
    const shown = ['wechat', 'group'].includes(this.member.kind) ? [] : menu ?? [];
    this.menuBar.hidden = !shown.length;
    this.menuBar.replaceChildren(...shown.map((item) => this.menuTab(item)));
  }

  menuTab(item) {
    const name = item.key || item.name;
    const hooks = { test: 'menu-button-' + name, data: { key: name } };
    if (!item.sub_button?.length) {
      return el('div', { class: 'menu-tab' }, el('button', { type: 'button', ...hooks, onclick: () => this.choose(item) }, item.name));
    }
    const list = el('div', { class: 'submenu', role: 'menu', hidden: true }, item.sub_button.map((sub) => el('button', {
      type: 'button', role: 'menuitem', test: 'menu-button-' + (sub.key || sub.name), data: { key: sub.key || sub.name },
      onclick: () => { this.closeMenus(); this.choose(sub); },
    }, sub.name)));
    const tab = el('button', {
      type: 'button', ...hooks, 'aria-haspopup': 'menu', 'aria-expanded': 'false',
      onclick: () => {
        const open = list.hidden;
        this.closeMenus();
        list.hidden = !open;
        tab.setAttribute('aria-expanded', String(open));
        if (open) list.firstChild.focus();
      },
    }, icon('list'), item.name);
    return el('div', { class: 'menu-tab' }, list, tab);
  }

  closeMenus() {
    for (const list of this.menuBar.querySelectorAll('.submenu')) list.hidden = true;
    for (const tab of this.menuBar.querySelectorAll('[aria-expanded]')) tab.setAttribute('aria-expanded', 'false');
  }

  async choose(item) {
    const type = item.type || 'click';
    // a page opens on the phone, and the app is told that it was opened (page 90240, view)
    if (type === 'view' && webURL(item.url)) window.open(item.url, '_blank', 'noopener');
    if (!await this.ask('/sim/menu', { key: item.key || item.url || item.pagepath })) return;
    this.host.did('menu', this);
    // pages 90231, 90240: these menu types hand over to the camera or the map, whose answer is a message of its own
    if (type.startsWith('pic_')) this.choosePhoto();
    if (type === 'location_select') this.choosePlace();
  }

  // ---- sheets ----

  openSheet(title, content, kind = '') {
    this.closeSheet();
    this.opener = document.activeElement;
    const panel = el('div', { class: 'sheet ' + kind, role: 'dialog', 'aria-modal': 'true', 'aria-label': title },
      el('div', { class: 'sheet-head' }, el('h3', {}, title),
        el('button', { type: 'button', class: 'sheet-close', 'data-testid': 'sheet-close', 'aria-label': '关上', onclick: () => this.closeSheet() }, icon('close'))),
      el('div', { class: 'sheet-body' }, content));
    this.sheet.replaceChildren(panel);
    this.sheet.hidden = false;
    this.cover();
    (panel.querySelector('[tabindex="0"]') ?? panel.querySelector('.sheet-body button') ?? panel.querySelector('button')).focus({ preventScroll: true });
  }

  closeSheet() {
    if (this.sheet.hidden) return;
    this.sheet.hidden = true;
    this.sheet.replaceChildren();
    this.cover();
    if (this.opener?.isConnected) this.opener.focus({ preventScroll: true });
  }

  // cover keeps Tab out of what lies under a sheet or a call.
  cover() {
    this.under.inert = !this.sheet.hidden || !this.calling.hidden;
    this.sheet.inert = !this.calling.hidden;
  }

  // ---- voice calls ----

  // setCall shows the call that rings, or none.
  setCall(call) {
    const news = call && call.id !== this.call?.id;
    this.call = call;
    if (news) {
      this.ring();
      this.toast.hidden = true;
    }
    this.showCall();
  }

  ringing() { return Boolean(this.call) && clock.now() < Date.parse(this.call.until); }

  showCall() {
    if (this.calling.hidden !== this.ringing()) return;
    this.calling.hidden = !this.ringing();
    this.cover();
    this.host.changed(this);
  }

  async pickUp(path, heard) {
    if (await this.ask(path) && heard) this.tell(heard);
  }

  // look shows a picture over the whole screen; once more, and it is as large as it was made.
  look(m) {
    const zoom = el('button', {
      type: 'button', class: 'sheet-action', test: 'picture-zoom', 'aria-pressed': 'false',
      onclick: () => {
        const large = view.classList.toggle('large');
        zoom.setAttribute('aria-pressed', String(large));
        zoom.textContent = large ? '缩小' : '放大';
      },
    }, '放大');
    const view = el('div', { class: 'picture-view', test: 'picture-view', tabindex: '0', role: 'region', 'aria-label': named(m), onclick: () => zoom.click() },
      picture(m.media_url, named(m), 'picture-whole'));
    this.openSheet(named(m), [view, zoom], 'whole');
  }

  // keys: Escape closes what is open, arrows walk a menu, a list of choices or a radio group.
  keys(e) {
    if (e.key === 'Escape') {
      if (!this.sheet.hidden) this.closeSheet();
      else if (this.menuBar.querySelector('.submenu:not([hidden])')) {
        this.closeMenus();
        this.menuBar.querySelector('[aria-haspopup]')?.focus();
      } else return;
      e.stopPropagation();
      return;
    }
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[e.key];
    const group = step && e.target.closest('[role=radiogroup],[role=menu],.drawings');
    if (!group) return;
    const rows = [...group.querySelectorAll('button:not(:disabled)')];
    const next = rows[(rows.indexOf(e.target) + step + rows.length) % rows.length];
    e.preventDefault();
    next?.focus();
  }

  // ---- messages ----

  // reload reads the whole talk again. What arrives by the stream meanwhile is newer than the answer and stays.
  async reload() {
    this.fresh = new Map();
    const answer = await get('/sim/messages?userid=' + encodeURIComponent(this.userid));
    const list = (answer.messages ?? []).map((m) => this.fresh.get(m.id) ?? m);
    for (const [id, m] of this.fresh) if (!list.some((one) => one.id === id)) list.push(m);
    this.fresh = null;
    // the same talk again must not throw a reader to its end
    const same = this.loaded && list.length === this.messages.size && list.every((m) => JSON.stringify(m) === JSON.stringify(this.messages.get(m.id)));
    if (!same) this.setAll(list);
  }

  setAll(list) {
    const ids = new Set(list.map((m) => m.id));
    for (const id of [...this.messages.keys()]) if (!ids.has(id)) this.forget(id);
    for (const m of list) this.put(m, false);
    this.loaded = true;
    this.arrange();
    this.toEnd();
  }

  forget(id) {
    this.messages.delete(id);
    this.choices.delete(id);
    this.nodes.get(id)?.node.remove();
    this.nodes.delete(id);
  }

  // put takes a new or changed message. Live ones ring and scroll, those of a reload do not.
  put(m, live) {
    const known = this.messages.get(m.id);
    this.messages.set(m.id, m);
    if (!live) return;
    this.fresh?.set(m.id, m);
    const near = this.talk.scrollHeight - this.talk.scrollTop - this.talk.clientHeight < 120;
    this.arrange();
    const alarm = !known && this.alarm(m);
    if (alarm) this.ring();
    if (known ? near : near || m.from === 'me' || alarm) this.toEnd();
    else if (!known) this.countBelow();
    // what arrives on the phone in one's hand is read
    if (!known && m.from !== 'me' && document.hasFocus() && this.host.inHand(this)) this.touched();
  }

  arrange() {
    let last = 0;
    let place = null;
    const day = clock.today();
    for (const m of this.messages.values()) {
      if (m.dropped) continue;
      const at = Date.parse(m.at);
      const divided = at - last > GAP;
      last = at;
      const mark = JSON.stringify(m) + (divided ? day : '');
      let known = this.nodes.get(m.id);
      if (known?.mark !== mark) {
        const node = this.drawItem(m, divided ? at : 0);
        // a card that is drawn anew under the keyboard hands the focus to the talk, not to nowhere
        const held = known?.node.contains(document.activeElement);
        if (known) known.node.replaceWith(node);
        if (held) this.talk.focus({ preventScroll: true });
        known = { node, mark };
        this.nodes.set(m.id, known);
      }
      const wanted = place ? place.nextSibling : this.list.firstChild;
      if (known.node !== wanted) this.list.insertBefore(known.node, wanted);
      place = known.node;
    }
    this.empty.hidden = this.nodes.size > 0;
    this.count();
    this.showBanner();
  }

  redraw(m) {
    const known = this.nodes.get(m.id);
    const held = document.activeElement?.dataset?.id;
    const inside = known?.node.contains(document.activeElement);
    if (known) known.mark = '';
    this.arrange();
    if (inside && held) {
      [...this.nodes.get(m.id).node.querySelectorAll('[data-testid=option]')].find((o) => o.dataset.id === held)?.focus({ preventScroll: true });
    }
  }

  drawItem(m, at) {
    const divider = at ? el('div', { class: 'divider' }, clock.divider(at)) : null;
    const hooks = { test: 'message', data: { id: m.id, type: m.type, from: m.from } };
    if (m.recalled) return el('li', hooks, divider, el('div', { class: 'notice' }, m.from === 'me' ? '你撤回了一条消息' : `${m.by || '巡访'}撤回了一条消息`));
    if (m.type === 'notice') {
      return el('li', hooks, divider, el('div', { class: 'notice' }, el('span', {}, m.text), m.trace && this.inspectButton(m)));
    }
    const wide = isWide(m);
    const mine = m.from === 'me';
    const body = m.type === 'template_card' ? drawCard(m, this.hand(m)) : drawBody(m, {
      look: (one) => this.look(one), click: (one, item) => this.wechat('click', { id: one.msgid, key: item.id }),
    });
    const by = mine ? '' : m.by || (m.from === 'app' ? '' : this.host.nameOf(m.from)); // a person, or another sender than the app
    const side = el('div', { class: 'side' }, mine && delivery(m), m.trace && this.inspectButton(m));
    return el('li', { ...hooks, class: (mine ? 'mine' : 'theirs') + (wide ? ' is-wide' : '') + (this.alarm(m) ? ' is-alarm' : '') }, divider,
      el('div', { class: 'line' },
        !mine && !wide && el('span', { class: 'avatar' + (by ? '' : ' app-avatar'), 'aria-hidden': 'true' }, by ? by.slice(0, 1) : this.member.kind === 'group' ? '群' : '巡'),
        by ? el('div', { class: 'said' }, el('span', { class: 'said-by' }, by), body) : body, side,
        mine && el('span', { class: 'avatar', 'aria-hidden': 'true' }, (this.member.name || this.userid).slice(0, 1))));
  }

  inspectButton(m) {
    return el('button', {
      type: 'button', class: 'inspect', test: 'inspector-open', data: { trace: m.trace }, 'aria-label': '查看这条消息的经过', title: '查看这条消息的经过',
      onclick: () => this.host.inspect(m.trace, this),
    }, icon('inspect'));
  }

  // choice is what is chosen on a card; a card that now asks something else starts anew.
  choice(m) {
    const asked = JSON.stringify([questions(m.card ?? {}), m.selected ?? {}]);
    let known = this.choices.get(m.id);
    if (known?.asked !== asked) {
      known = { asked, chosen: { ...startingChoice(m.card ?? {}), ...(m.selected ?? {}) } };
      this.choices.set(m.id, known);
    }
    return known.chosen;
  }

  hand(m) {
    return {
      choice: this.choice(m),
      pick: (qkey, ids) => { this.choice(m)[qkey] = ids; this.redraw(m); this.host.did('pick', this); },
      tap: (key) => this.tap(m, key),
      more: (menu) => this.openSheet(menu.desc || '更多', el('div', { class: 'option-list' }, (menu.action_list ?? []).map((a) => el('button', {
        type: 'button', class: 'option-row', test: 'card-menu-item', data: { key: a.key }, onclick: () => { this.closeSheet(); this.tap(m, a.key); },
      }, a.text)))),
      select: (q) => {
        this.openSheet(q.title || '选一个', optionRows(q, this.choice(m)[q.question_key]?.[0], (id) => {
          this.closeSheet();
          this.choice(m)[q.question_key] = [id];
          this.redraw(m);
          [...this.nodes.get(m.id).node.querySelectorAll('[data-testid=select-row]')].find((r) => r.dataset.qkey === q.question_key)?.focus({ preventScroll: true });
          this.host.did('pick', this);
        }));
      },
    };
  }

  // ---- alarm, unread, scrolling ----

  alarm(m) { return alarmText(m, m.card && cardTitle(m.card)); }

  ring() {
    this.root.classList.remove('shaking');
    void this.root.offsetWidth; // starts the animation anew when a second alarm follows
    this.root.classList.add('shaking');
    setTimeout(() => this.root.classList.remove('shaking'), 1200);
  }

  pending() { return [...this.messages.values()].filter((m) => !m.dropped && this.alarm(m) && !this.opened.has(m.id)); }

  showBanner() {
    const waiting = this.pending();
    const m = waiting.at(-1);
    this.root.classList.toggle('alarmed', Boolean(m));
    const what = waiting.map((one) => one.id).join();
    if (this.bannerFor === what) return;
    this.bannerFor = what;
    this.banner.hidden = !m;
    this.banner.replaceChildren(...(m ? [
      el('p', {}, this.alarm(m), waiting.length > 1 && el('span', { class: 'banner-more' }, ` 共 ${waiting.length} 条`)),
      el('button', { type: 'button', 'data-testid': 'alarm-open', onclick: () => { this.open(m); this.nodes.get(m.id)?.node.scrollIntoView({ block: 'nearest' }); this.talk.focus({ preventScroll: true }); } }, '打开')] : []));
  }

  open(m) {
    if (!this.alarm(m) || this.opened.has(m.id)) return;
    this.opened.add(m.id);
    keep('opened.' + this.userid, [...this.opened].slice(-100));
    this.showBanner();
    this.host.changed(this);
  }

  lastFromApp() { return [...this.messages.values()].filter((m) => m.from !== 'me' && !m.dropped).at(-1); }

  last() {
    const m = [...this.messages.values()].filter((one) => !one.dropped && one.type !== 'notice').at(-1);
    return m ? summary(m, m.card && cardTitle(m.card)) : '';
  }

  count() {
    const ids = [...this.messages.values()].filter((m) => m.from !== 'me' && !m.dropped).map((m) => m.id);
    const from = ids.indexOf(this.seen);
    this.unread = ids.length - 1 - from;
    this.badge.hidden = this.unread === 0;
    this.badge.textContent = this.unread > 99 ? '99+' : String(this.unread);
    this.badge.setAttribute('aria-label', this.unread + ' 条未读');
    this.host.changed(this);
  }

  touched() {
    this.host.touched(this);
    const last = this.lastFromApp()?.id ?? '';
    if (last === this.seen) return;
    this.seen = last;
    keep('seen.' + this.userid, last);
    this.count();
  }

  scrolled() {
    this.atEnd = this.talk.scrollHeight - this.talk.scrollTop - this.talk.clientHeight < 60;
    if (this.atEnd) { this.newer.hidden = true; this.below = 0; }
  }

  countBelow() {
    this.below = (this.below ?? 0) + 1;
    this.newer.textContent = `↓ ${this.below} 条新消息`;
    this.newer.hidden = false;
  }

  // toEnd shows what came last; a message taller than the screen is read from its head.
  toEnd() {
    const last = this.list.lastElementChild;
    const tall = Boolean(last?.classList.contains('theirs')) && last.offsetHeight > this.talk.clientHeight;
    this.atEnd = !tall;
    this.talk.scrollTop = tall ? this.talk.scrollTop + last.getBoundingClientRect().top - this.talk.getBoundingClientRect().top - 10 : this.talk.scrollHeight;
    this.newer.hidden = true;
    this.below = 0;
  }

  tick() {
    this.time.textContent = clock.hhmm(clock.now());
    this.showCall();
  }
}

function delivery(m) {
  if (m.delivery === 'sending') return el('span', { class: 'spin', role: 'img', 'aria-label': '正在发送', title: '正在发送' });
  if (m.delivery === 'failed') return el('span', { class: 'failed', role: 'img', 'aria-label': '没送到', title: '没送到' }, '!');
  return null;
}
