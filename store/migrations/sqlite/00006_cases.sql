-- Cases: emergencies, and what climbs level by level; what happened in them; visits owed after them; cards that are replaced.
-- Instants are Unix milliseconds: a ladder goes by them.
-- +goose Up
CREATE TABLE IF NOT EXISTS cases (
  `key`      TEXT PRIMARY KEY,
  no         TEXT NOT NULL DEFAULT '',
  kind       TEXT NOT NULL,
  what       TEXT NOT NULL DEFAULT '',
  elder_id   TEXT NOT NULL DEFAULT '',
  region     TEXT NOT NULL DEFAULT '',
  place      TEXT NOT NULL DEFAULT '',
  about      TEXT NOT NULL DEFAULT '',
  `by`       TEXT NOT NULL DEFAULT '',
  unverified NUMERIC NOT NULL DEFAULT 0,
  drill      NUMERIC NOT NULL DEFAULT 0,
  state      TEXT NOT NULL,
  level      TEXT NOT NULL DEFAULT '',
  dept       TEXT NOT NULL DEFAULT '',
  owner      TEXT NOT NULL DEFAULT '',
  wave       INTEGER NOT NULL DEFAULT 0,
  rung       INTEGER NOT NULL DEFAULT 0,
  due        INTEGER NOT NULL DEFAULT 0,
  since      INTEGER NOT NULL DEFAULT 0,
  at         INTEGER NOT NULL,
  moved      INTEGER NOT NULL,
  outcome    TEXT NOT NULL DEFAULT '',
  source     TEXT NOT NULL DEFAULT '',
  rev        INTEGER NOT NULL,
  events     INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_cases_kind ON cases (kind, state, at);
CREATE INDEX IF NOT EXISTS idx_cases_at ON cases (at, kind);
CREATE INDEX IF NOT EXISTS idx_cases_due ON cases (due);
CREATE INDEX IF NOT EXISTS idx_cases_elder_id ON cases (elder_id);
CREATE INDEX IF NOT EXISTS idx_cases_region ON cases (region, state);
CREATE INDEX IF NOT EXISTS idx_cases_dept ON cases (dept, state);
CREATE INDEX IF NOT EXISTS idx_cases_owner ON cases (owner);
CREATE INDEX IF NOT EXISTS idx_cases_source ON cases (source);
CREATE TABLE IF NOT EXISTS case_events (
  case_key TEXT NOT NULL,
  n        INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  `by`     TEXT NOT NULL DEFAULT '',
  `to`     TEXT NOT NULL DEFAULT '',
  level    TEXT NOT NULL DEFAULT '',
  dept     TEXT NOT NULL DEFAULT '',
  wave     INTEGER NOT NULL DEFAULT 0,
  rung     INTEGER NOT NULL DEFAULT 0,
  message  TEXT NOT NULL DEFAULT '',
  text     TEXT NOT NULL DEFAULT '',
  at       INTEGER NOT NULL,
  PRIMARY KEY (case_key, n)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_case_events_by ON case_events (`by`);
CREATE INDEX IF NOT EXISTS idx_case_events_to ON case_events (`to`, kind);
CREATE INDEX IF NOT EXISTS idx_case_events_message ON case_events (message);
CREATE TABLE IF NOT EXISTS follows (
  elder_id TEXT NOT NULL,
  from_day TEXT NOT NULL,
  to_day   TEXT NOT NULL DEFAULT '',
  no       TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, from_day)
) WITHOUT ROWID;
-- Key of the message whose card this one replaces.
ALTER TABLE outbox ADD COLUMN of_ TEXT NOT NULL DEFAULT '';
-- How many alarms were raised ever: of two reports at once of one event only one is the first.
INSERT INTO versions (name, n) VALUES ('alarms', 0) ON CONFLICT DO NOTHING;
