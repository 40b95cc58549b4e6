// Words of the frame around the phones, in Chinese and English. What stands on a phone is never translated.

import { recall, keep } from './dom.js';

const words = {
  zh: {
    title: '巡访 · 手机桌', brand: '巡访', tagline: '手机桌', skip: '跳到手机', tools: '时间', time: '时间', clock: '模拟时间',
    hour: '+1 小时', nine: '到 9:00', nextDay: '下一天', monthEnd: '月底', pick: '选日期', go: '去这一刻',
    faults: '故障', faultsOn: (n) => `${n} 处故障`, down: '企业微信断开', downHint: '所有接口都连不上', slow: '变慢', slowHint: '每次接口多等这么久',
    none: '不', secs: (n) => `${n} 秒`, revoke: '令牌作废', revokeHint: '现在的 access_token 立刻失效', revoked: '令牌已作废', four: '送四遍', fourHint: '每条消息送给机器人四次',
    errcode: '发送失败码', errcodeHint: 'message/send 答这个码', times: '次数', once: '1 次', thrice: '3 次', always: '一直',
    http500: '接口答 500', http500Hint: '所有接口答 HTTP 500', hang: '不应答', hangHint: '连上了却一直不回答', drop: '收下后断线', dropHint: '消息已收下,应答前断开', voice: '语音电话打不出', voiceHint: 'pstncc/call 答这个码', robot: '群机器人断开', robotHint: 'webhook/send 连不上', kfFail: '客服消息发不到', kfFailHint: '接口答 ok,事后报失败', kfFailOf: (n) => `原因 ${n} ${{ 10: '被拒收', 4: '会话过期', 5: '会话结束', 6: '超过五条', 8: '企业未认证', 1: '账号已删', 2: '应用关闭', 11: '没人登录', 0: '不明' }[n]}`, kfOff: '客服接口关闭', kfOffHint: 'kf 接口都答 95017', lose: '丢事件', loseHint: '点击和菜单事件不送达', appOff: '应用停用', appOffHint: '所有接口答 50003,取令牌答 40001',
    clearFaults: '全部恢复', newDay: '新的一天', newDayHint: '故障全部恢复,到明天 8:30', reset: '从头开始', resetHint: '清空所有记录和对话', resetAsk: '清空所有记录和对话?', yes: '清空', no: '不了',
    inspector: '经过', language: 'EN', languageHint: 'Switch the frame to English', tour: '带我走一遍',
    lost: '连不上模拟器,正在重连…', back: '又连上了', dock: '其他手机', bring: (name) => `把${name}的手机拿过来`, unread: (n) => `${n} 条未读`, urgent: '紧急', ringing: '来电',
    nobody: '还没有手机。启动时加上成员,这里就会出现。',
    who: '谁的', everyone: '所有人', close: '关上', pickOne: '点一条看它的经过。', noTraces: '还没有来往。在任意一部手机上说一句话,这里就会出现。',
    attempts: '时间线', plain: '解密后的 XML', envelope: '信封', query: '签名与参数', reply: '被动回复', request: '请求', response: '应答', rows: '成为的记录',
    copy: '复制', copied: '已复制', ms: '毫秒', nth: (n) => `第 ${n} 次`, callback: '送给机器人', api: '机器人调用', list: '来往',
    step: (n) => `第 ${n} 步,共 5 步`, next: '下一步', never: '不再显示', done: '知道了', tourName: '记下第一次巡访',
    tour1: (name) => `这是${name}的手机`, tour1b: (menu) => (menu ? `点下面菜单里的「${menu}」,开始记一次巡访。` : '在下面说一句话,开始记一次巡访。'),
    tour2: '选好,提交', tour2b: '点一行,从下面选老人、方式和情况,再点「提交」。',
    tour3: '发一张照片', tour3b: '机器人说了它听到的。点输入框右边的照片,挑一张画。打电话不用照片,点下一步。',
    tour4: '确认', tour4b: '都对就点「确认」,这次巡访就记好了。不对可以改。',
    tour5: '看看背后', tour5b: '点任意消息旁的小圆圈,能看到它怎样送到、怎样记下。',
  },
  en: {
    title: 'Xunfang · table of phones', brand: '巡访', tagline: 'Table of phones', skip: 'Skip to the phones', tools: 'Time', time: 'Time', clock: 'Simulated time',
    hour: '+1 hour', nine: 'To 9:00', nextDay: 'Next day', monthEnd: 'Month end', pick: 'Pick date', go: 'Go there',
    faults: 'Faults', faultsOn: (n) => `${n} fault${n > 1 ? 's' : ''}`, down: 'WeCom down', downHint: 'No API call connects', slow: 'Slow', slowHint: 'Every API call waits this long',
    none: 'No', secs: (n) => `${n} s`, revoke: 'Revoke token', revokeHint: 'The current access_token dies now', revoked: 'Token revoked', four: 'Deliver four times', fourHint: 'Each message reaches the bot four times',
    errcode: 'Send fails with', errcodeHint: 'What message/send answers', times: 'Times', once: 'Once', thrice: '3 times', always: 'Always',
    http500: 'API answers 500', http500Hint: 'Every API call answers HTTP 500', hang: 'No answer', hangHint: 'Connects, then says nothing', drop: 'Accept, then drop', dropHint: 'Message taken, line cut before the answer', voice: 'No voice calls', voiceHint: 'What pstncc/call answers', robot: 'Group robot down', robotHint: 'webhook/send does not connect', kfFail: 'Customer messages fail', kfFailHint: 'kf/send_msg answers ok, the failure comes later', kfFailOf: (n) => `Type ${n} ${{ 10: 'refused', 4: 'expired', 5: 'ended', 6: 'over five', 8: 'unverified', 1: 'deleted', 2: 'closed', 11: 'nobody in', 0: 'unknown' }[n]}`, kfOff: 'Customer API off', kfOffHint: 'Every kf call answers 95017', lose: 'Lose events', loseHint: 'Taps and menu events do not arrive', appOff: 'App disabled', appOffHint: 'API answers 50003, gettoken 40001',
    clearFaults: 'Repair all', newDay: 'A new day', newDayHint: 'Repairs all faults, goes to 8:30 tomorrow', reset: 'Start over', resetHint: 'Erases all records and talks', resetAsk: 'Erase all records and talks?', yes: 'Erase', no: 'Keep',
    inspector: 'Inspector', language: '中文', languageHint: '切换到中文', tour: 'Show me round',
    lost: 'The simulator does not answer, reconnecting…', back: 'Connected again', dock: 'Other phones', bring: (name) => `Bring the phone of ${name}`, unread: (n) => `${n} unread`, urgent: 'Urgent', ringing: 'Incoming call',
    nobody: 'No phones yet. Start with members and they appear here.',
    who: 'Whose', everyone: 'Everyone', close: 'Close', pickOne: 'Choose a row to follow it.', noTraces: 'Nothing yet. Say something on any phone and it appears here.',
    attempts: 'Timeline', plain: 'Decrypted XML', envelope: 'Envelope', query: 'Signature and query', reply: 'Passive reply', request: 'Request', response: 'Response', rows: 'Rows it became',
    copy: 'Copy', copied: 'Copied', ms: 'ms', nth: (n) => `Attempt ${n}`, callback: 'To the bot', api: 'Bot calls', list: 'Traffic',
    step: (n) => `Step ${n} of 5`, next: 'Next', never: 'Never again', done: 'Done', tourName: 'Log your first visit',
    tour1: (name) => `This is the phone of ${name}`, tour1b: (menu) => (menu ? `Tap “${menu}” in the menu below to log a visit.` : 'Say something below to log a visit.'),
    tour2: 'Choose and submit', tour2b: 'Tap a row to choose elder, way and state, then tap 提交 (submit).',
    tour3: 'Send a photo', tour3b: 'The bot has said what it understood. Tap the picture beside the input box and take a drawing. A telephone visit needs none: tap Next.',
    tour4: 'Confirm', tour4b: 'If all is right tap 确认 (confirm), and the visit is on record. What is wrong can be corrected.',
    tour5: 'Look behind', tour5b: 'The small circle beside any message shows how it travelled and what it became.',
  },
};

let language = recall('language', 'zh');

export const lang = () => language;

export function t(key, ...values) {
  const word = words[language][key];
  return typeof word === 'function' ? word(...values) : word;
}

// label fills data-word (text), data-word-label (accessible name and tooltip) and data-word-title (tooltip) under root.
export function label(root = document) {
  for (const node of root.querySelectorAll('[data-word]')) node.textContent = t(node.dataset.word);
  for (const node of root.querySelectorAll('[data-word-title]')) node.title = t(node.dataset.wordTitle);
  for (const node of root.querySelectorAll('[data-word-label]')) {
    node.setAttribute('aria-label', t(node.dataset.wordLabel));
    if (node.tagName === 'BUTTON') node.title = t(node.dataset.wordLabel);
  }
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  document.title = t('title');
}

export function switchLanguage() {
  language = language === 'zh' ? 'en' : 'zh';
  keep('language', language);
  label();
}
