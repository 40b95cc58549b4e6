-- The calendar: absences, extra rounds, what was told and why, the policies that were in force, and who owes what.
-- +goose Up
ALTER TABLE entries ADD COLUMN whom TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN looked NUMERIC NOT NULL DEFAULT 0;
-- Holds all that duties are counted by: what is owed is found without looking at the records themselves.
CREATE INDEX IF NOT EXISTS idx_entries_counted ON entries (elder_id, day, kind, user_id, method, outcome, looked, `key`);
DROP INDEX IF EXISTS idx_entries_elder_day;
CREATE TABLE IF NOT EXISTS leaves (
  user_id  TEXT NOT NULL,
  from_day TEXT NOT NULL,
  to_day   TEXT NOT NULL DEFAULT '',
  deputy   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, from_day)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rounds (
  region   TEXT NOT NULL,
  name     TEXT NOT NULL,
  from_day TEXT NOT NULL,
  to_day   TEXT NOT NULL DEFAULT '',
  tier     TEXT NOT NULL DEFAULT '',
  door     TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (region, name, from_day)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notices (
  `key`   TEXT PRIMARY KEY,
  to_     TEXT NOT NULL,
  kind    TEXT NOT NULL,
  day     TEXT NOT NULL,
  message TEXT NOT NULL,
  cause   TEXT NOT NULL DEFAULT '',
  at      DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_notices_to ON notices (to_, day);
CREATE INDEX IF NOT EXISTS idx_notices_day ON notices (day);
CREATE INDEX IF NOT EXISTS idx_notices_message ON notices (message);
CREATE TABLE IF NOT EXISTS packs (
  name TEXT NOT NULL,
  seen TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (name, seen)
) WITHOUT ROWID;
-- A row an elder of whom anything is owed or was: its lock is held by whoever changes what, its number says that somebody did.
CREATE TABLE IF NOT EXISTS reckonings (
  elder_id TEXT PRIMARY KEY,
  rev      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owed (
  elder_id TEXT NOT NULL,
  duty     TEXT NOT NULL,
  kind     TEXT NOT NULL DEFAULT '',
  period   TEXT NOT NULL DEFAULT '',
  from_day TEXT NOT NULL DEFAULT '',
  due      TEXT NOT NULL DEFAULT '',
  need     INTEGER NOT NULL,
  done     INTEGER NOT NULL,
  door     INTEGER NOT NULL,
  state    TEXT NOT NULL DEFAULT '',
  user_id  TEXT NOT NULL DEFAULT '',
  region   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, duty)
) WITHOUT ROWID;
-- In the order of owes, and with all that is added up.
CREATE INDEX IF NOT EXISTS idx_owed_sums ON owed (user_id, region, duty, period, due, state, need, done);
-- Sums of owed. Whoever changes owed changes them in the same transaction; versions says 1 while they stand still instead,
-- until all is reckoned anew.
CREATE TABLE IF NOT EXISTS owes (
  user_id TEXT NOT NULL,
  region  TEXT NOT NULL,
  duty    TEXT NOT NULL,
  period  TEXT NOT NULL,
  due     TEXT NOT NULL,
  elders  INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  need    INTEGER NOT NULL,
  done    INTEGER NOT NULL,
  PRIMARY KEY (user_id, region, duty, period, due)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_owes_region ON owes (region);
INSERT INTO versions (name, n) VALUES ('owes', 0) ON CONFLICT DO NOTHING;
