-- Cases: emergencies, and what climbs level by level; what happened in them; visits owed after them; cards that are replaced.
-- Instants are Unix milliseconds: a ladder goes by them.
-- MySQL commits after each DDL statement: every one can be repeated, so that a migration that broke off is run again. Not
-- every server knows ADD COLUMN IF NOT EXISTS; one ALTER TABLE adds all of a table's or none.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS cases (
  `key`      VARCHAR(32) NOT NULL PRIMARY KEY,
  no         VARCHAR(48) NOT NULL DEFAULT '',
  kind       VARCHAR(16) NOT NULL,
  what       VARCHAR(24) NOT NULL DEFAULT '',
  elder_id   VARCHAR(32) NOT NULL DEFAULT '',
  region     VARCHAR(32) NOT NULL DEFAULT '',
  place      TEXT NOT NULL,
  about      MEDIUMTEXT NOT NULL,
  `by`       VARCHAR(64) NOT NULL DEFAULT '',
  unverified BOOLEAN NOT NULL DEFAULT 0,
  drill      BOOLEAN NOT NULL DEFAULT 0,
  state      VARCHAR(16) NOT NULL,
  level      VARCHAR(16) NOT NULL DEFAULT '',
  dept       VARCHAR(32) NOT NULL DEFAULT '',
  owner      VARCHAR(64) NOT NULL DEFAULT '',
  wave       INT NOT NULL DEFAULT 0,
  rung       INT NOT NULL DEFAULT 0,
  due        BIGINT NOT NULL DEFAULT 0,
  since      BIGINT NOT NULL DEFAULT 0,
  at         BIGINT NOT NULL,
  moved      BIGINT NOT NULL,
  outcome    TEXT NOT NULL,
  source     VARCHAR(96) NOT NULL DEFAULT '',
  rev        BIGINT NOT NULL,
  events     INT NOT NULL,
  KEY idx_cases_kind (kind, state, at),
  KEY idx_cases_at (at, kind),
  KEY idx_cases_due (due),
  KEY idx_cases_elder_id (elder_id),
  KEY idx_cases_region (region, state),
  KEY idx_cases_dept (dept, state),
  KEY idx_cases_owner (owner),
  KEY idx_cases_source (source)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS case_events (
  case_key VARCHAR(32) NOT NULL,
  n        INT NOT NULL,
  kind     VARCHAR(16) NOT NULL,
  `by`     VARCHAR(64) NOT NULL DEFAULT '',
  `to`     VARCHAR(64) NOT NULL DEFAULT '',
  level    VARCHAR(16) NOT NULL DEFAULT '',
  dept     VARCHAR(32) NOT NULL DEFAULT '',
  wave     INT NOT NULL DEFAULT 0,
  rung     INT NOT NULL DEFAULT 0,
  message  VARCHAR(191) NOT NULL DEFAULT '',
  text     TEXT NOT NULL,
  at       BIGINT NOT NULL,
  PRIMARY KEY (case_key, n),
  KEY idx_case_events_by (`by`),
  KEY idx_case_events_to (`to`, kind),
  KEY idx_case_events_message (message)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS follows (
  elder_id VARCHAR(32) NOT NULL,
  from_day VARCHAR(10) NOT NULL,
  to_day   VARCHAR(10) NOT NULL DEFAULT '',
  no       VARCHAR(48) NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, from_day)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Key of the message whose card this one replaces.
SET @q = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'outbox' AND column_name = 'of_') > 0,
  'DO 0', 'ALTER TABLE outbox ADD COLUMN of_ VARCHAR(191) NOT NULL DEFAULT \'\'');
PREPARE q FROM @q;
EXECUTE q;
DEALLOCATE PREPARE q;
-- How many alarms were raised ever: of two reports at once of one event only one is the first.
INSERT INTO versions (name, n) VALUES ('alarms', 0) ON DUPLICATE KEY UPDATE n = n;
