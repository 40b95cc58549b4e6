// The simulator's clock as the page shows it: it runs on between two reports, in the simulator's own time zone.

let offset = 480; // minutes east of UTC; replaced by what the simulator says
let ahead = 0; // simulator minus browser, milliseconds

export function setNow(rfc3339) {
  const at = Date.parse(rfc3339);
  if (Number.isNaN(at)) return;
  const zone = /([+-])(\d\d):(\d\d)$/.exec(rfc3339);
  offset = zone ? (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3])) : 0;
  ahead = at - Date.now();
}

export const now = () => Date.now() + ahead;

// parts splits an instant into the calendar of the simulator's zone.
export function parts(ms) {
  const d = new Date(ms + offset * 60000);
  return { y: d.getUTCFullYear(), mo: d.getUTCMonth(), d: d.getUTCDate(), h: d.getUTCHours(), mi: d.getUTCMinutes(), wd: d.getUTCDay() };
}

// instant is the reverse of parts; days and months may overflow as in Date.UTC.
export const instant = (y, mo, d, h, mi) => Date.UTC(y, mo, d, h, mi) - offset * 60000;

const two = (n) => String(n).padStart(2, '0');

export function rfc3339(ms) {
  const p = parts(ms);
  const abs = Math.abs(offset);
  return `${p.y}-${two(p.mo + 1)}-${two(p.d)}T${two(p.h)}:${two(p.mi)}:00${offset < 0 ? '-' : '+'}${two(Math.floor(abs / 60))}:${two(abs % 60)}`;
}

export const dateInput = (ms) => rfc3339(ms).slice(0, 16);

export function fromDateInput(value) {
  const m = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+)/.exec(value);
  return m ? instant(+m[1], m[2] - 1, +m[3], +m[4], +m[5]) : NaN;
}

export function hhmm(ms) {
  const p = parts(ms);
  return two(p.h) + ':' + two(p.mi);
}

export const seconds = (ms) => hhmm(ms) + ':' + two(new Date(ms).getUTCSeconds());

const dayNumber = (ms) => Math.floor((ms + offset * 60000) / 86400000);

// divider is the line between two messages: the hour today, the day before that.
export function divider(ms) {
  const days = dayNumber(now()) - dayNumber(ms);
  if (days === 0) return hhmm(ms);
  if (days === 1) return '昨天 ' + hhmm(ms);
  const p = parts(ms);
  const year = p.y === parts(now()).y ? '' : p.y + '年';
  return `${year}${p.mo + 1}月${p.d}日 ${hhmm(ms)}`;
}

export const today = () => dayNumber(now());
