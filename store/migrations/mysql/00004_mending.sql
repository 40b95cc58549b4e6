-- Versions of a record, a second look at records, and what is spoken.
-- MySQL commits after each DDL statement: every one can be repeated, so that a migration that broke off is run again. Not
-- every server knows ADD COLUMN IF NOT EXISTS; one ALTER TABLE adds all of a table's or none.
-- +goose NO TRANSACTION
-- +goose Up
SET @q = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'entries' AND column_name = 'version') > 0,
  'DO 0', 'ALTER TABLE entries ADD COLUMN pressure TEXT NOT NULL, ADD COLUMN company TEXT NOT NULL, ADD COLUMN late TEXT NOT NULL, ADD COLUMN version INT NOT NULL DEFAULT 1, ADD KEY idx_entries_user_entered (user_id, entered_at), ADD KEY idx_entries_entered_at (entered_at)');
PREPARE q FROM @q;
EXECUTE q;
DEALLOCATE PREPARE q;
SET @q = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'photos' AND column_name = 'look') > 0,
  'DO 0', 'ALTER TABLE photos ADD COLUMN kind VARCHAR(8) NOT NULL DEFAULT \'\', ADD COLUMN look TEXT NOT NULL, ADD COLUMN compared BOOLEAN NOT NULL DEFAULT 0, ADD KEY idx_photos_compared (compared, state, at)');
PREPARE q FROM @q;
EXECUTE q;
DEALLOCATE PREPARE q;
-- Nobody knows any more what the pictures looked like that were stored before.
UPDATE photos SET compared = 1 WHERE state <> 'wanted' AND look = '';
-- Each row is one change of a record: the version before it, and what that one had found.
CREATE TABLE IF NOT EXISTS amendments (
  `key`     VARCHAR(160) NOT NULL PRIMARY KEY,
  entry_key VARCHAR(80) NOT NULL,
  version   INT NOT NULL,
  elder_id  VARCHAR(32) NOT NULL,
  by_       VARCHAR(64) NOT NULL,
  why       TEXT NOT NULL,
  was       MEDIUMTEXT NOT NULL,
  findings  MEDIUMTEXT NOT NULL,
  instead   VARCHAR(80) NOT NULL DEFAULT '',
  at        DATETIME NOT NULL,
  UNIQUE KEY idx_amendments_entry_key (entry_key, version),
  KEY idx_amendments_elder_id (elder_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS reviews (
  `key`   VARCHAR(191) NOT NULL PRIMARY KEY,
  kind    VARCHAR(16) NOT NULL,
  user_id VARCHAR(64) NOT NULL,
  day     VARCHAR(10) NOT NULL DEFAULT '',
  numbers MEDIUMTEXT NOT NULL,
  facts   TEXT NOT NULL,
  answer  TEXT NOT NULL,
  state   VARCHAR(16) NOT NULL,
  by_     VARCHAR(64) NOT NULL DEFAULT '',
  at      DATETIME NOT NULL,
  KEY idx_reviews_state (state, at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
