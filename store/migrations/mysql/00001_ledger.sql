-- The 台账: tables of the gorm-tagged structs in package ledger. Days are text, instants UTC and whole seconds.
-- MySQL commits after each DDL statement: every one can be repeated, so that a migration that broke off is run again.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS regions (
  code   VARCHAR(32) NOT NULL PRIMARY KEY,
  name   VARCHAR(64) NOT NULL DEFAULT '',
  parent VARCHAR(32) NOT NULL DEFAULT '',
  level  VARCHAR(8) NOT NULL DEFAULT ''
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS people (
  user_id VARCHAR(64) NOT NULL PRIMARY KEY,
  name    VARCHAR(64) NOT NULL DEFAULT '',
  phone   VARCHAR(64) NOT NULL DEFAULT ''
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS posts (
  user_id  VARCHAR(64) NOT NULL,
  role     VARCHAR(16) NOT NULL,
  region   VARCHAR(32) NOT NULL,
  dept     VARCHAR(32) NOT NULL DEFAULT '',
  from_day VARCHAR(10) NOT NULL,
  to_day   VARCHAR(10) NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, role, region, from_day)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS elders (
  id         VARCHAR(32) NOT NULL PRIMARY KEY,
  name       VARCHAR(64) NOT NULL DEFAULT '',
  aliases    VARCHAR(128) NOT NULL DEFAULT '',
  gender     VARCHAR(8) NOT NULL DEFAULT '',
  id_number  VARCHAR(128) NOT NULL DEFAULT '',
  birth      VARCHAR(10) NOT NULL DEFAULT '',
  phone      VARCHAR(64) NOT NULL DEFAULT '',
  region     VARCHAR(32) NOT NULL DEFAULT '',
  address    VARCHAR(255) NOT NULL DEFAULT '',
  lon        DOUBLE NOT NULL DEFAULT 0,
  lat        DOUBLE NOT NULL DEFAULT 0,
  nation     VARCHAR(32) NOT NULL DEFAULT '',
  living     VARCHAR(32) NOT NULL DEFAULT '',
  self_care  VARCHAR(16) NOT NULL DEFAULT '',
  lost_child BOOLEAN NOT NULL DEFAULT 0,
  health     VARCHAR(512) NOT NULL DEFAULT '',
  income     VARCHAR(255) NOT NULL DEFAULT '',
  care       VARCHAR(255) NOT NULL DEFAULT '',
  hardship   VARCHAR(512) NOT NULL DEFAULT '',
  consent    VARCHAR(10) NOT NULL DEFAULT '',
  since      VARCHAR(10) NOT NULL DEFAULT '',
  KEY idx_elders_region (region)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS assignments (
  elder_id VARCHAR(32) NOT NULL,
  user_id  VARCHAR(64) NOT NULL,
  from_day VARCHAR(10) NOT NULL,
  to_day   VARCHAR(10) NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, user_id, from_day),
  KEY idx_assignments_user_id (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS tierings (
  elder_id VARCHAR(32) NOT NULL,
  tier     VARCHAR(16) NOT NULL DEFAULT '',
  from_day VARCHAR(10) NOT NULL,
  to_day   VARCHAR(10) NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, from_day)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS kins (
  elder_id    VARCHAR(32) NOT NULL,
  name        VARCHAR(64) NOT NULL,
  relation    VARCHAR(32) NOT NULL DEFAULT '',
  phone       VARCHAR(64) NOT NULL DEFAULT '',
  whereabouts VARCHAR(128) NOT NULL DEFAULT '',
  carer       BOOLEAN NOT NULL DEFAULT 0,
  consent     VARCHAR(10) NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS pairs (
  elder_id VARCHAR(32) NOT NULL,
  user_id  VARCHAR(64) NOT NULL,
  from_day VARCHAR(10) NOT NULL,
  to_day   VARCHAR(10) NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, user_id, from_day),
  KEY idx_pairs_user_id (user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS entries (
  `key`      VARCHAR(80) NOT NULL PRIMARY KEY,
  no         VARCHAR(48) NOT NULL,
  kind       VARCHAR(16) NOT NULL DEFAULT '',
  elder_id   VARCHAR(32) NOT NULL DEFAULT '',
  user_id    VARCHAR(64) NOT NULL DEFAULT '',
  day        VARCHAR(10) NOT NULL DEFAULT '',
  method     VARCHAR(8) NOT NULL DEFAULT '',
  outcome    VARCHAR(16) NOT NULL DEFAULT '',
  note       TEXT NOT NULL,
  room_temp  INT,
  waiver     VARCHAR(64) NOT NULL DEFAULT '',
  entered_at DATETIME NOT NULL,
  UNIQUE KEY idx_entries_no (no),
  KEY idx_entries_elder_day (elder_id, day),
  KEY idx_entries_user_day (user_id, day)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS findings (
  `key`     VARCHAR(96) NOT NULL PRIMARY KEY,
  entry_key VARCHAR(80) NOT NULL DEFAULT '',
  elder_id  VARCHAR(32) NOT NULL DEFAULT '',
  item      VARCHAR(24) NOT NULL DEFAULT '',
  note      TEXT NOT NULL,
  state     VARCHAR(16) NOT NULL DEFAULT '',
  owner     VARCHAR(64) NOT NULL DEFAULT '',
  at        DATETIME NOT NULL,
  KEY idx_findings_entry_key (entry_key),
  KEY idx_findings_elder_id (elder_id),
  KEY idx_findings_state (state)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS facts (
  `key`     VARCHAR(96) NOT NULL PRIMARY KEY,
  entry_key VARCHAR(80) NOT NULL DEFAULT '',
  elder_id  VARCHAR(32) NOT NULL DEFAULT '',
  field     VARCHAR(24) NOT NULL DEFAULT '',
  result    VARCHAR(16) NOT NULL DEFAULT '',
  value     VARCHAR(255) NOT NULL DEFAULT '',
  `by`      VARCHAR(64) NOT NULL DEFAULT '',
  at        DATETIME NOT NULL,
  KEY idx_facts_entry_key (entry_key),
  KEY idx_facts_elder_id (elder_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS photos (
  `key`     VARCHAR(80) NOT NULL PRIMARY KEY,
  user_id   VARCHAR(64) NOT NULL DEFAULT '',
  entry_key VARCHAR(80) NOT NULL DEFAULT '',
  media_id  VARCHAR(255) NOT NULL DEFAULT '',
  state     VARCHAR(16) NOT NULL DEFAULT '',
  hash      VARCHAR(64) NOT NULL DEFAULT '',
  bytes     INT NOT NULL DEFAULT 0,
  at        DATETIME NOT NULL,
  KEY idx_photos_user_id (user_id),
  KEY idx_photos_entry_key (entry_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
