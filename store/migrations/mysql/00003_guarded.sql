-- The ledger's history, who looked, who agreed, and what is needed to seal.
-- MySQL commits after each DDL statement: every one can be repeated, so that a migration that broke off is run again.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS standings (
  elder_id VARCHAR(32) NOT NULL,
  from_day VARCHAR(10) NOT NULL,
  to_day   VARCHAR(10) NOT NULL DEFAULT '',
  kind     VARCHAR(16) NOT NULL DEFAULT '',
  place    TEXT NOT NULL,
  review   VARCHAR(10) NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, from_day)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS revisions (
  n      BIGINT NOT NULL PRIMARY KEY,
  at     DATETIME NOT NULL,
  by_    VARCHAR(64) NOT NULL,
  why    TEXT NOT NULL,
  source VARCHAR(191) NOT NULL DEFAULT '',
  KEY idx_revisions_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS changes (
  n        BIGINT NOT NULL,
  seq      INT NOT NULL,
  tbl      VARCHAR(16) NOT NULL,
  row_     VARCHAR(191) NOT NULL,
  elder_id VARCHAR(32) NOT NULL DEFAULT '',
  field    VARCHAR(32) NOT NULL DEFAULT '',
  was      TEXT NOT NULL,
  now      TEXT NOT NULL,
  PRIMARY KEY (n, seq),
  KEY idx_changes_elder_id (elder_id, n)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS consents (
  `key`    VARCHAR(160) NOT NULL PRIMARY KEY,
  elder_id VARCHAR(32) NOT NULL,
  kin      VARCHAR(64) NOT NULL DEFAULT '',
  purpose  VARCHAR(32) NOT NULL,
  given    BOOLEAN NOT NULL,
  day      VARCHAR(10) NOT NULL DEFAULT '',
  channel  VARCHAR(16) NOT NULL DEFAULT '',
  witness  VARCHAR(64) NOT NULL DEFAULT '',
  text     VARCHAR(80) NOT NULL DEFAULT '',
  at       DATETIME NOT NULL,
  KEY idx_consents_elder_id (elder_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS looks (
  `key`    VARCHAR(160) NOT NULL PRIMARY KEY,
  elder_id VARCHAR(32) NOT NULL DEFAULT '',
  region   VARCHAR(32) NOT NULL DEFAULT '',
  by_      VARCHAR(64) NOT NULL,
  what     VARCHAR(16) NOT NULL,
  at       DATETIME NOT NULL,
  KEY idx_looks_elder_id (elder_id, at),
  KEY idx_looks_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Every key that anything in the database may be sealed under, and a word sealed under it to know it by.
CREATE TABLE IF NOT EXISTS sealkeys (
  id    VARCHAR(16) NOT NULL PRIMARY KEY,
  made  DATETIME NOT NULL,
  proof VARCHAR(191) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Words under which a sealed number is found: an elder's identity number or phone, a relative's phone.
CREATE TABLE IF NOT EXISTS lookups (
  word     VARCHAR(32) NOT NULL,
  kind     VARCHAR(8) NOT NULL,
  elder_id VARCHAR(32) NOT NULL,
  kin      VARCHAR(64) NOT NULL DEFAULT '',
  PRIMARY KEY (word, kind, elder_id, kin),
  KEY idx_lookups_elder_id (elder_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Facts that wait for the keeper, or were settled.
CREATE TABLE IF NOT EXISTS proposals (
  fact     VARCHAR(96) NOT NULL PRIMARY KEY,
  elder_id VARCHAR(32) NOT NULL,
  state    VARCHAR(16) NOT NULL,
  settled  VARCHAR(64) NOT NULL DEFAULT '',
  at       DATETIME NOT NULL,
  KEY idx_proposals_elder_id (elder_id, state)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO proposals (fact, elder_id, state, at)
  SELECT f.`key`, f.elder_id, 'proposed', f.at FROM facts f WHERE f.result = 'changed' AND f.value <> ''
  ON DUPLICATE KEY UPDATE fact = VALUES(fact);
-- Sealed values are longer than what they hide; coordinates are sealed as texts.
ALTER TABLE elders MODIFY id_number TEXT NOT NULL, MODIFY phone TEXT NOT NULL, MODIFY address TEXT NOT NULL, MODIFY lon TEXT NOT NULL,
  MODIFY lat TEXT NOT NULL, MODIFY health TEXT NOT NULL, MODIFY income TEXT NOT NULL, MODIFY care TEXT NOT NULL, MODIFY hardship TEXT NOT NULL;
ALTER TABLE kins MODIFY phone TEXT NOT NULL, MODIFY whereabouts TEXT NOT NULL;
ALTER TABLE people MODIFY phone TEXT NOT NULL;
ALTER TABLE facts MODIFY value TEXT NOT NULL;
ALTER TABLE entries MODIFY waiver TEXT NOT NULL;
INSERT INTO versions (name, n) VALUES ('sealed', 0) ON DUPLICATE KEY UPDATE name = VALUES(name);
