-- Versions of a record, a second look at records, and what is spoken.
-- +goose Up
ALTER TABLE entries ADD COLUMN pressure TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN company TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN late TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
CREATE INDEX IF NOT EXISTS idx_entries_user_entered ON entries (user_id, entered_at);
CREATE INDEX IF NOT EXISTS idx_entries_entered_at ON entries (entered_at);
ALTER TABLE photos ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE photos ADD COLUMN look TEXT NOT NULL DEFAULT '';
ALTER TABLE photos ADD COLUMN compared NUMERIC NOT NULL DEFAULT 0;
-- Nobody knows any more what the pictures looked like that were stored before.
UPDATE photos SET compared = 1 WHERE state <> 'wanted' AND look = '';
CREATE INDEX IF NOT EXISTS idx_photos_compared ON photos (at) WHERE compared = 0;
-- Each row is one change of a record: the version before it, and what that one had found.
CREATE TABLE IF NOT EXISTS amendments (
  `key`     TEXT PRIMARY KEY,
  entry_key TEXT NOT NULL,
  version   INTEGER NOT NULL,
  elder_id  TEXT NOT NULL,
  by_       TEXT NOT NULL,
  why       TEXT NOT NULL DEFAULT '',
  was       TEXT NOT NULL,
  findings  TEXT NOT NULL DEFAULT '',
  instead   TEXT NOT NULL DEFAULT '',
  at        DATETIME NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS idx_amendments_entry_key ON amendments (entry_key, version);
CREATE INDEX IF NOT EXISTS idx_amendments_elder_id ON amendments (elder_id);
CREATE TABLE IF NOT EXISTS reviews (
  `key`   TEXT PRIMARY KEY,
  kind    TEXT NOT NULL,
  user_id TEXT NOT NULL,
  day     TEXT NOT NULL DEFAULT '',
  numbers TEXT NOT NULL DEFAULT '',
  facts   TEXT NOT NULL DEFAULT '',
  answer  TEXT NOT NULL DEFAULT '',
  state   TEXT NOT NULL,
  by_     TEXT NOT NULL DEFAULT '',
  at      DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_reviews_state ON reviews (state, at);
