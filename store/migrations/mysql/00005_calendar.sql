-- The calendar: absences, extra rounds, what was told and why, the policies that were in force, and who owes what.
-- MySQL commits after each DDL statement: every one can be repeated, so that a migration that broke off is run again. Not
-- every server knows ADD COLUMN IF NOT EXISTS; one ALTER TABLE adds all of a table's or none.
-- +goose NO TRANSACTION
-- +goose Up
-- The index holds all that duties are counted by: what is owed is found without looking at the records themselves.
SET @q = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'entries' AND column_name = 'whom') > 0,
  'DO 0', 'ALTER TABLE entries ADD COLUMN whom TEXT NOT NULL, ADD COLUMN looked BOOLEAN NOT NULL DEFAULT 0, ADD KEY idx_entries_counted (elder_id, day, kind, user_id, method, outcome, looked), DROP KEY idx_entries_elder_day');
PREPARE q FROM @q;
EXECUTE q;
DEALLOCATE PREPARE q;
CREATE TABLE IF NOT EXISTS leaves (
  user_id  VARCHAR(64) NOT NULL,
  from_day VARCHAR(10) NOT NULL,
  to_day   VARCHAR(10) NOT NULL DEFAULT '',
  deputy   VARCHAR(64) NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, from_day)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS rounds (
  region   VARCHAR(32) NOT NULL,
  name     VARCHAR(32) NOT NULL,
  from_day VARCHAR(10) NOT NULL,
  to_day   VARCHAR(10) NOT NULL DEFAULT '',
  tier     VARCHAR(16) NOT NULL DEFAULT '',
  door     VARCHAR(8) NOT NULL DEFAULT '',
  PRIMARY KEY (region, name, from_day)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS notices (
  `key`   VARCHAR(191) NOT NULL PRIMARY KEY,
  to_     VARCHAR(64) NOT NULL,
  kind    VARCHAR(16) NOT NULL,
  day     VARCHAR(10) NOT NULL,
  message VARCHAR(191) NOT NULL,
  cause   TEXT NOT NULL,
  at      DATETIME NOT NULL,
  KEY idx_notices_to (to_, day),
  KEY idx_notices_day (day),
  KEY idx_notices_message (message)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS packs (
  name VARCHAR(64) NOT NULL,
  seen VARCHAR(10) NOT NULL,
  text MEDIUMTEXT NOT NULL,
  PRIMARY KEY (name, seen)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- A row an elder of whom anything is owed or was: its lock is held by whoever changes what, its number says that somebody did.
CREATE TABLE IF NOT EXISTS reckonings (
  elder_id VARCHAR(32) NOT NULL PRIMARY KEY,
  rev      BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The second index is in the order of owes, with all that is added up.
CREATE TABLE IF NOT EXISTS owed (
  elder_id VARCHAR(32) NOT NULL,
  duty     VARCHAR(32) NOT NULL,
  kind     VARCHAR(16) NOT NULL DEFAULT '',
  period   VARCHAR(10) NOT NULL DEFAULT '',
  from_day VARCHAR(10) NOT NULL DEFAULT '',
  due      VARCHAR(10) NOT NULL DEFAULT '',
  need     INT NOT NULL,
  done     INT NOT NULL,
  door     INT NOT NULL,
  state    VARCHAR(16) NOT NULL DEFAULT '',
  user_id  VARCHAR(64) NOT NULL DEFAULT '',
  region   VARCHAR(32) NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, duty),
  KEY idx_owed_sums (user_id, region, duty, period, due, state, need, done)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Sums of owed. Whoever changes owed changes them in the same transaction; versions says 1 while they stand still instead,
-- until all is reckoned anew.
CREATE TABLE IF NOT EXISTS owes (
  user_id VARCHAR(64) NOT NULL,
  region  VARCHAR(32) NOT NULL,
  duty    VARCHAR(32) NOT NULL,
  period  VARCHAR(10) NOT NULL,
  due     VARCHAR(10) NOT NULL,
  elders  INT NOT NULL,
  missing INT NOT NULL,
  need    INT NOT NULL,
  done    INT NOT NULL,
  PRIMARY KEY (user_id, region, duty, period, due),
  KEY idx_owes_region (region)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO versions (name, n) VALUES ('owes', 0) ON DUPLICATE KEY UPDATE n = n;
