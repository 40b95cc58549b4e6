// Frame is the top bar: the clock, the faults, a new day, starting over, the language.

import { el, icon, get, post } from './dom.js';
import * as clock from './clock.js';
import { t, lang, label, switchLanguage } from './words.js';

const by = (id) => document.getElementById(id);
const HEALTHY = {
  api: '', down: false, slow_ms: 0, http_500: false, hang: false, errcode: 0, errcode_times: 0, accept_then_drop: false,
  invalid: '', voice_errcode: 0, robot_down: false, deliver_times: 1, lose_events: false, app_disabled: false,
  kf: { off: false, unlisted: false, fail_times: 0, fail_type: 0, empty_pages: 0, short_pages: 0, repeats: 0 },
};
// codes of page 90313 a sender should survive: busy, frequency, parallel calls, IP, receivers, suspended app, token
const CODES = [-1, 45009, 45033, 60020, 81013, 48006, 42001, 40014, 50003];
const VOICE_CODES = [301049, 301050, 301051]; // page 91627: app not linked, not enabled, no balance
const KF_FAILS = [10, 4, 5, 6, 8, 1, 2, 11, 0]; // fail_type of page 94670: refused, expired, ended, over five, unverified, deleted, closed, nobody logged in, unknown
const WEEK = { zh: ['周日', '周一', '周二', '周三', '周四', '周五', '周六'], en: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] };
const MONTH = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export class Frame {
  constructor(host) {
    this.host = host;
    this.faults = {};
    this.codeTimes = 1;
    by('clock-hour').onclick = () => this.send('/sim/clock', { add: '1h' });
    by('clock-nine').onclick = () => {
      const p = clock.parts(clock.now());
      this.goto(clock.instant(p.y, p.mo, p.d + (p.h >= 9 ? 1 : 0), 9, 0));
    };
    by('clock-next-day').onclick = () => this.send('/sim/clock', { add: '24h' });
    by('clock-month-end').onclick = () => {
      const p = clock.parts(clock.now());
      let end = clock.instant(p.y, p.mo + 1, 0, 9, 0);
      if (end <= clock.now()) end = clock.instant(p.y, p.mo + 2, 0, 9, 0);
      this.goto(end);
    };
    this.popup('clock-pick', 'pick-panel', () => { by('clock-date').value = clock.dateInput(clock.now()); by('clock-date').focus(); });
    by('pick-panel').onsubmit = (e) => {
      e.preventDefault();
      const at = clock.fromDateInput(by('clock-date').value);
      if (!Number.isNaN(at)) this.goto(at);
      this.shut('clock-pick', 'pick-panel');
    };
    by('new-day').onclick = async () => {
      const p = clock.parts(clock.now());
      await this.send('/sim/faults', HEALTHY);
      await this.goto(clock.instant(p.y, p.mo, p.d + 1, 8, 30));
      this.host.freshDay();
    };
    this.popup('reset', 'reset-panel', () => by('reset-no').focus());
    by('reset-yes').onclick = () => { this.shut('reset', 'reset-panel'); this.send('/sim/reset'); };
    by('reset-no').onclick = () => this.shut('reset', 'reset-panel');
    by('tour-again').onclick = () => { this.shut('tools-toggle', 'tools'); this.host.tour(); };
    by('tools-toggle').onclick = () => {
      const open = by('tools').classList.toggle('open');
      by('tools-toggle').setAttribute('aria-expanded', String(open));
    };
    this.popup('faults-open', 'faults', () => this.drawFaults());
    by('language').onclick = () => { switchLanguage(); this.drawFaults(); this.tick(); this.host.relabel(); };
    document.addEventListener('pointerdown', (e) => {
      for (const [opener, panel] of this.panels) if (!by(panel).contains(e.target) && !by(opener).contains(e.target)) this.shut(opener, panel);
      if (!by('tools').contains(e.target) && !by('tools-toggle').contains(e.target)) this.shut('tools-toggle', 'tools');
    });
    document.addEventListener('keydown', (e) => {
      if (e.key !== 'Escape') return;
      for (const [opener, panel] of this.panels) {
        if (by(panel).hidden) continue;
        this.shut(opener, panel);
        by(opener).focus();
        return;
      }
      this.shut('tools-toggle', 'tools');
    });
  }

  panels = [];

  popup(opener, panel, opened) {
    this.panels.push([opener, panel]);
    by(opener).onclick = () => {
      if (!by(panel).hidden) { this.shut(opener, panel); return; }
      by(panel).hidden = false;
      by(opener).setAttribute('aria-expanded', 'true');
      opened();
    };
  }

  shut(opener, panel) {
    if (panel === 'tools') by(panel).classList.remove('open'); else by(panel).hidden = true;
    by(opener).setAttribute('aria-expanded', 'false');
  }

  goto(at) { return this.send('/sim/clock', { to: clock.rfc3339(at) }); }

  async send(path, body) {
    try {
      const answer = await post(path, body);
      if (path === '/sim/faults') this.setFaults(answer);
      else if (path === '/sim/clock') { clock.setNow((await get('/sim/state')).now); this.tick(); }
      return true;
    } catch (err) {
      this.tell(err.message);
      return false;
    }
  }

  tell(text) {
    this.line?.remove();
    this.line = el('div', { class: 'frame-toast', role: 'status' }, text);
    document.body.append(this.line);
    setTimeout((line) => line.remove(), 4000, this.line);
  }

  setState(state) {
    by('reset').hidden = !state.can_reset;
    this.wechat = (state.members ?? []).some((m) => m.kind === 'wechat');
    this.group = (state.members ?? []).some((m) => m.kind === 'group');
    this.setFaults(state.faults ?? {});
  }

  setFaults(faults) {
    this.faults = faults;
    if (faults.errcode_times) this.codeTimes = faults.errcode_times;
    this.drawFaults();
  }

  drawFaults() {
    const f = this.faults;
    const on = [f.down, f.slow_ms > 0, f.deliver_times > 1, Boolean(f.errcode), f.http_500, f.hang, f.accept_then_drop, f.invalid, f.voice_errcode, f.robot_down, f.lose_events, f.app_disabled, f.kf?.fail_times, f.kf?.off].filter(Boolean).length;
    by('faults-word').textContent = on ? t('faultsOn', on) : t('faults');
    by('faults-open').classList.toggle('is-on', on > 0);
    by('faults-open').setAttribute('aria-label', by('faults-word').textContent);
    const set = (change) => this.send('/sim/faults', change);
    const flip = (test, key, word) => this.row(word, el('button', {
      type: 'button', role: 'switch', class: 'switch', test, 'aria-checked': String(Boolean(f[key])), 'aria-label': t(word), onclick: () => set({ [key]: !f[key] }),
    }));
    const choose = (test, word, options, value, change) => {
      const box = el('select', { test, 'aria-label': t(word), onchange: () => change(Number(box.value)) },
        options.map(([v, name]) => el('option', { value: String(v) }, name)));
      if (!options.some(([v]) => v === value)) box.append(el('option', { value: String(value) }, String(value)));
      box.value = String(value);
      return box;
    };
    const held = by('faults').contains(document.activeElement) && document.activeElement.dataset.testid;
    by('faults').replaceChildren(
      flip('fault-down', 'down', 'down'),
      this.row('slow', choose('fault-slow', 'slow', [[0, t('none')], [500, t('secs', 0.5)], [2000, t('secs', 2)], [6000, t('secs', 6)]], f.slow_ms ?? 0, (ms) => set({ slow_ms: ms }))),
      this.row('revoke', el('button', { type: 'button', class: 'plain', 'data-testid': 'fault-revoke', onclick: async () => { if (await this.send('/sim/revoke')) this.tell(t('revoked')); } }, t('revoke'))),
      this.row('four', el('button', {
        type: 'button', role: 'switch', class: 'switch', 'data-testid': 'fault-four', 'aria-checked': String(f.deliver_times > 1), 'aria-label': t('four'),
        onclick: () => set({ deliver_times: f.deliver_times > 1 ? 1 : 4 }),
      })),
      this.row('errcode',
        choose('fault-errcode', 'errcode', [[0, t('none')], ...CODES.map((c) => [c, String(c)])], f.errcode ?? 0, (code) => set({ errcode: code, errcode_times: code ? this.codeTimes : 0 })),
        choose('fault-errcode-times', 'times', [[1, t('once')], [3, t('thrice')], [-1, t('always')]], this.codeTimes, (n) => { this.codeTimes = n; if (f.errcode) set({ errcode: f.errcode, errcode_times: n }); })),
      flip('fault-http500', 'http_500', 'http500'),
      flip('fault-hang', 'hang', 'hang'),
      flip('fault-drop', 'accept_then_drop', 'drop'),
      this.row('voice', choose('fault-voice', 'voice', [[0, t('none')], ...VOICE_CODES.map((c) => [c, String(c)])], f.voice_errcode ?? 0, (code) => set({ voice_errcode: code }))),
      ...(this.group ? [flip('fault-robot', 'robot_down', 'robot')] : []),
      ...(this.wechat ? [
        this.row('kfFail', choose('fault-kf-fail', 'kfFail', [[-1, t('none')], ...KF_FAILS.map((n) => [n, t('kfFailOf', n)])], f.kf?.fail_times ? f.kf.fail_type : -1,
          (n) => set({ kf: { fail_times: n < 0 ? 0 : -1, fail_type: Math.max(0, n) } }))),
        this.row('kfOff', el('button', {
          type: 'button', role: 'switch', class: 'switch', 'data-testid': 'fault-kf-off', 'aria-checked': String(Boolean(f.kf?.off)), 'aria-label': t('kfOff'),
          onclick: () => set({ kf: { off: !f.kf?.off } }),
        }))] : []),
      flip('fault-lose', 'lose_events', 'lose'),
      flip('fault-app', 'app_disabled', 'appOff'),
      el('div', { class: 'panel-row' }, el('button', { type: 'button', class: 'solid', 'data-testid': 'faults-clear', disabled: on === 0, onclick: () => set(HEALTHY) }, icon('tick'), t('clearFaults'))),
    );
    if (held) by('faults').querySelector(`[data-testid="${held}"]`)?.focus();
  }

  row(word, ...controls) {
    return el('div', { class: 'fault-row' }, el('div', { class: 'fault-text' }, el('b', {}, t(word)), el('span', {}, t(word + 'Hint'))), el('div', { class: 'fault-set' }, controls));
  }

  tick() {
    const at = clock.now();
    const p = clock.parts(at);
    const week = WEEK[lang()][p.wd];
    by('clock').querySelector('.now-time').textContent = clock.hhmm(at);
    by('clock').querySelector('.now-day').textContent = lang() === 'zh' ? `${p.y}年${p.mo + 1}月${p.d}日 ${week}` : `${week} ${p.d} ${MONTH[p.mo]} ${p.y}`;
    by('clock').dateTime = clock.rfc3339(at);
  }
}
