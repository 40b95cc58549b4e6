-- Inbox, conversations, outbox. Instants are Unix milliseconds: the hot tables compare them, and SQLite compares times as text.
-- +goose Up
CREATE TABLE IF NOT EXISTS inbox (
  id      INTEGER PRIMARY KEY,
  dedupe  TEXT NOT NULL,
  usr     TEXT NOT NULL,
  raw     BLOB,
  at      INTEGER NOT NULL,
  tries   INTEGER NOT NULL DEFAULT 0,
  state   INTEGER NOT NULL DEFAULT 0,
  done_at INTEGER NOT NULL DEFAULT 0,
  reason  TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX IF NOT EXISTS inbox_dedupe ON inbox (dedupe);
CREATE INDEX IF NOT EXISTS inbox_waiting ON inbox (usr) WHERE state = 0;
CREATE TABLE IF NOT EXISTS conversations (
  usr      TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  state    BLOB,
  at       INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS outbox (
  id            INTEGER PRIMARY KEY,
  dedupe        TEXT NOT NULL,
  lane          TEXT NOT NULL,
  rcpt          TEXT NOT NULL,
  prio          INTEGER NOT NULL,
  call_         TEXT NOT NULL,
  body          BLOB,
  fallback      TEXT NOT NULL DEFAULT '',
  photo         TEXT NOT NULL DEFAULT '',
  media_id      TEXT NOT NULL DEFAULT '',
  at            INTEGER NOT NULL,
  not_before    INTEGER NOT NULL,
  expires       INTEGER NOT NULL,
  retry_at      INTEGER NOT NULL DEFAULT 0,
  state         INTEGER NOT NULL DEFAULT 0,
  attempts      INTEGER NOT NULL DEFAULT 0,
  unsure        INTEGER NOT NULL DEFAULT 0,
  done_at       INTEGER NOT NULL DEFAULT 0,
  reason        TEXT NOT NULL DEFAULT '',
  msgid         TEXT NOT NULL DEFAULT '',
  response_code TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX IF NOT EXISTS outbox_dedupe ON outbox (dedupe);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (lane, prio) WHERE state = 0;
CREATE INDEX IF NOT EXISTS outbox_dead ON outbox (at) WHERE state = 2;
-- One row per recipient (and one for the photos they sent): when each priority has something to send, until when a
-- sender holds the recipient or the limits do, and the instants of the last hour's sends.
CREATE TABLE IF NOT EXISTS lanes (
  lane         TEXT PRIMARY KEY,
  due_alarm    INTEGER NOT NULL,
  due_reply    INTEGER NOT NULL,
  due_reminder INTEGER NOT NULL,
  free_at      INTEGER NOT NULL DEFAULT 0,
  recent       BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lanes_alarm ON lanes (due_alarm);
CREATE INDEX IF NOT EXISTS lanes_reply ON lanes (due_reply);
CREATE INDEX IF NOT EXISTS lanes_reminder ON lanes (due_reminder);
-- The roster's version: who imports raises it, who holds the roster in memory looks at it.
CREATE TABLE IF NOT EXISTS versions (
  name TEXT PRIMARY KEY,
  n    INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO versions (name, n) VALUES ('roster', 1) ON CONFLICT DO NOTHING;
