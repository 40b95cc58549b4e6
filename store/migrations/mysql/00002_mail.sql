-- Inbox, conversations, outbox. Instants are Unix milliseconds: the hot tables compare them, and SQLite compares times as text.
-- MySQL commits after each DDL statement: every one can be repeated, so that a migration that broke off is run again.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS inbox (
  id      BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  dedupe  VARCHAR(191) NOT NULL,
  usr     VARCHAR(64) NOT NULL,
  raw     MEDIUMBLOB,
  at      BIGINT NOT NULL,
  tries   INT NOT NULL DEFAULT 0,
  state   TINYINT NOT NULL DEFAULT 0,
  done_at BIGINT NOT NULL DEFAULT 0,
  reason  VARCHAR(255) NOT NULL DEFAULT '',
  UNIQUE KEY inbox_dedupe (dedupe),
  KEY inbox_waiting (state, usr)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS conversations (
  usr      VARCHAR(64) NOT NULL PRIMARY KEY,
  revision BIGINT NOT NULL,
  state    MEDIUMBLOB,
  at       BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS outbox (
  id            BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  dedupe        VARCHAR(191) NOT NULL,
  lane          VARCHAR(72) NOT NULL,
  rcpt          VARCHAR(64) NOT NULL,
  prio          TINYINT NOT NULL,
  call_         VARCHAR(16) NOT NULL,
  body          MEDIUMBLOB,
  fallback      TEXT NOT NULL,
  photo         VARCHAR(80) NOT NULL DEFAULT '',
  media_id      VARCHAR(255) NOT NULL DEFAULT '',
  at            BIGINT NOT NULL,
  not_before    BIGINT NOT NULL,
  expires       BIGINT NOT NULL,
  retry_at      BIGINT NOT NULL DEFAULT 0,
  state         TINYINT NOT NULL DEFAULT 0,
  attempts      INT NOT NULL DEFAULT 0,
  unsure        TINYINT NOT NULL DEFAULT 0,
  done_at       BIGINT NOT NULL DEFAULT 0,
  reason        VARCHAR(255) NOT NULL DEFAULT '',
  msgid         VARCHAR(255) NOT NULL DEFAULT '',
  response_code VARCHAR(255) NOT NULL DEFAULT '',
  UNIQUE KEY outbox_dedupe (dedupe),
  KEY outbox_waiting (state, lane, prio)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- One row per recipient (and one for the photos they sent): when each priority has something to send, until when a
-- sender holds the recipient or the limits do, and the instants of the last hour's sends.
CREATE TABLE IF NOT EXISTS lanes (
  lane         VARCHAR(72) NOT NULL PRIMARY KEY,
  due_alarm    BIGINT NOT NULL,
  due_reply    BIGINT NOT NULL,
  due_reminder BIGINT NOT NULL,
  free_at      BIGINT NOT NULL DEFAULT 0,
  recent       BLOB,
  KEY lanes_alarm (due_alarm),
  KEY lanes_reply (due_reply),
  KEY lanes_reminder (due_reminder)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- The roster's version: who imports raises it, who holds the roster in memory looks at it.
CREATE TABLE IF NOT EXISTS versions (
  name VARCHAR(32) NOT NULL PRIMARY KEY,
  n    BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT INTO versions (name, n) VALUES ('roster', 1) ON DUPLICATE KEY UPDATE n = n;
