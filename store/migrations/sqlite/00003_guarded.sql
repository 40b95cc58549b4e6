-- The ledger's history, who looked, who agreed, and what is needed to seal. What becomes longer when sealed needs no change
-- here: SQLite's texts have no length, and a sealed coordinate is a text in its REAL column.
-- +goose Up
CREATE TABLE IF NOT EXISTS standings (
  elder_id TEXT NOT NULL,
  from_day TEXT NOT NULL,
  to_day   TEXT NOT NULL DEFAULT '',
  kind     TEXT NOT NULL DEFAULT '',
  place    TEXT NOT NULL DEFAULT '',
  review   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, from_day)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revisions (
  n      INTEGER PRIMARY KEY,
  at     DATETIME NOT NULL,
  by_    TEXT NOT NULL,
  why    TEXT NOT NULL DEFAULT '',
  source TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS idx_revisions_at ON revisions (at);
CREATE TABLE IF NOT EXISTS changes (
  n        INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  tbl      TEXT NOT NULL,
  row_     TEXT NOT NULL,
  elder_id TEXT NOT NULL DEFAULT '',
  field    TEXT NOT NULL DEFAULT '',
  was      TEXT NOT NULL DEFAULT '',
  now      TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (n, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_changes_elder_id ON changes (elder_id, n);
CREATE TABLE IF NOT EXISTS consents (
  `key`    TEXT PRIMARY KEY,
  elder_id TEXT NOT NULL,
  kin      TEXT NOT NULL DEFAULT '',
  purpose  TEXT NOT NULL,
  given    NUMERIC NOT NULL,
  day      TEXT NOT NULL DEFAULT '',
  channel  TEXT NOT NULL DEFAULT '',
  witness  TEXT NOT NULL DEFAULT '',
  text     TEXT NOT NULL DEFAULT '',
  at       DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_consents_elder_id ON consents (elder_id);
CREATE TABLE IF NOT EXISTS looks (
  `key`    TEXT PRIMARY KEY,
  elder_id TEXT NOT NULL DEFAULT '',
  region   TEXT NOT NULL DEFAULT '',
  by_      TEXT NOT NULL,
  what     TEXT NOT NULL,
  at       DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_looks_elder_id ON looks (elder_id, at);
CREATE INDEX IF NOT EXISTS idx_looks_at ON looks (at);
-- Every key that anything in the database may be sealed under, and a word sealed under it to know it by.
CREATE TABLE IF NOT EXISTS sealkeys (
  id    TEXT PRIMARY KEY,
  made  DATETIME NOT NULL,
  proof TEXT NOT NULL
) WITHOUT ROWID;
-- Words under which a sealed number is found: an elder's identity number or phone, a relative's phone.
CREATE TABLE IF NOT EXISTS lookups (
  word     TEXT NOT NULL,
  kind     TEXT NOT NULL,
  elder_id TEXT NOT NULL,
  kin      TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (word, kind, elder_id, kin)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_lookups_elder_id ON lookups (elder_id);
-- Facts that wait for the keeper, or were settled.
CREATE TABLE IF NOT EXISTS proposals (
  fact     TEXT PRIMARY KEY,
  elder_id TEXT NOT NULL,
  state    TEXT NOT NULL,
  settled  TEXT NOT NULL DEFAULT '',
  at       DATETIME NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_proposals_elder_id ON proposals (elder_id, state);
INSERT INTO proposals (fact, elder_id, state, at)
  SELECT `key`, elder_id, 'proposed', at FROM facts WHERE result = 'changed' AND value <> '' ON CONFLICT DO NOTHING;
INSERT INTO versions (name, n) VALUES ('sealed', 0) ON CONFLICT DO NOTHING;
