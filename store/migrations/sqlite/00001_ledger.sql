-- The 台账: tables of the gorm-tagged structs in package ledger. Days are text, instants UTC and whole seconds.
-- +goose Up
CREATE TABLE IF NOT EXISTS regions (
  code   TEXT PRIMARY KEY,
  name   TEXT NOT NULL DEFAULT '',
  parent TEXT NOT NULL DEFAULT '',
  level  TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS people (
  user_id TEXT PRIMARY KEY,
  name    TEXT NOT NULL DEFAULT '',
  phone   TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS posts (
  user_id  TEXT NOT NULL,
  role     TEXT NOT NULL,
  region   TEXT NOT NULL,
  dept     TEXT NOT NULL DEFAULT '',
  from_day TEXT NOT NULL,
  to_day   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, role, region, from_day)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS elders (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL DEFAULT '',
  aliases    TEXT NOT NULL DEFAULT '',
  gender     TEXT NOT NULL DEFAULT '',
  id_number  TEXT NOT NULL DEFAULT '',
  birth      TEXT NOT NULL DEFAULT '',
  phone      TEXT NOT NULL DEFAULT '',
  region     TEXT NOT NULL DEFAULT '',
  address    TEXT NOT NULL DEFAULT '',
  lon        REAL NOT NULL DEFAULT 0,
  lat        REAL NOT NULL DEFAULT 0,
  nation     TEXT NOT NULL DEFAULT '',
  living     TEXT NOT NULL DEFAULT '',
  self_care  TEXT NOT NULL DEFAULT '',
  lost_child NUMERIC NOT NULL DEFAULT 0,
  health     TEXT NOT NULL DEFAULT '',
  income     TEXT NOT NULL DEFAULT '',
  care       TEXT NOT NULL DEFAULT '',
  hardship   TEXT NOT NULL DEFAULT '',
  consent    TEXT NOT NULL DEFAULT '',
  since      TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_elders_region ON elders (region);
CREATE TABLE IF NOT EXISTS assignments (
  elder_id TEXT NOT NULL,
  user_id  TEXT NOT NULL,
  from_day TEXT NOT NULL,
  to_day   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, user_id, from_day)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_assignments_user_id ON assignments (user_id);
CREATE TABLE IF NOT EXISTS tierings (
  elder_id TEXT NOT NULL,
  tier     TEXT NOT NULL DEFAULT '',
  from_day TEXT NOT NULL,
  to_day   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, from_day)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kins (
  elder_id    TEXT NOT NULL,
  name        TEXT NOT NULL,
  relation    TEXT NOT NULL DEFAULT '',
  phone       TEXT NOT NULL DEFAULT '',
  whereabouts TEXT NOT NULL DEFAULT '',
  carer       NUMERIC NOT NULL DEFAULT 0,
  consent     TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pairs (
  elder_id TEXT NOT NULL,
  user_id  TEXT NOT NULL,
  from_day TEXT NOT NULL,
  to_day   TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, user_id, from_day)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_pairs_user_id ON pairs (user_id);
CREATE TABLE IF NOT EXISTS entries (
  `key`      TEXT PRIMARY KEY,
  no         TEXT NOT NULL,
  kind       TEXT NOT NULL DEFAULT '',
  elder_id   TEXT NOT NULL DEFAULT '',
  user_id    TEXT NOT NULL DEFAULT '',
  day        TEXT NOT NULL DEFAULT '',
  method     TEXT NOT NULL DEFAULT '',
  outcome    TEXT NOT NULL DEFAULT '',
  note       TEXT NOT NULL DEFAULT '',
  room_temp  INTEGER,
  waiver     TEXT NOT NULL DEFAULT '',
  entered_at DATETIME NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS idx_entries_no ON entries (no);
CREATE INDEX IF NOT EXISTS idx_entries_elder_day ON entries (elder_id, day);
CREATE INDEX IF NOT EXISTS idx_entries_user_day ON entries (user_id, day);
CREATE TABLE IF NOT EXISTS findings (
  `key`     TEXT PRIMARY KEY,
  entry_key TEXT NOT NULL DEFAULT '',
  elder_id  TEXT NOT NULL DEFAULT '',
  item      TEXT NOT NULL DEFAULT '',
  note      TEXT NOT NULL DEFAULT '',
  state     TEXT NOT NULL DEFAULT '',
  owner     TEXT NOT NULL DEFAULT '',
  at        DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_findings_entry_key ON findings (entry_key);
CREATE INDEX IF NOT EXISTS idx_findings_elder_id ON findings (elder_id);
CREATE INDEX IF NOT EXISTS idx_findings_state ON findings (state);
CREATE TABLE IF NOT EXISTS facts (
  `key`     TEXT PRIMARY KEY,
  entry_key TEXT NOT NULL DEFAULT '',
  elder_id  TEXT NOT NULL DEFAULT '',
  field     TEXT NOT NULL DEFAULT '',
  result    TEXT NOT NULL DEFAULT '',
  value     TEXT NOT NULL DEFAULT '',
  `by`      TEXT NOT NULL DEFAULT '',
  at        DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_facts_entry_key ON facts (entry_key);
CREATE INDEX IF NOT EXISTS idx_facts_elder_id ON facts (elder_id);
CREATE TABLE IF NOT EXISTS photos (
  `key`     TEXT PRIMARY KEY,
  user_id   TEXT NOT NULL DEFAULT '',
  entry_key TEXT NOT NULL DEFAULT '',
  media_id  TEXT NOT NULL DEFAULT '',
  state     TEXT NOT NULL DEFAULT '',
  hash      TEXT NOT NULL DEFAULT '',
  bytes     INTEGER NOT NULL DEFAULT 0,
  at        DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_photos_user_id ON photos (user_id);
CREATE INDEX IF NOT EXISTS idx_photos_entry_key ON photos (entry_key);
