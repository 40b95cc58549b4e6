-- The family: relatives' WeChats and contact cards, what has to reach them and how it was tried, the lines to them, and the window
-- of 微信客服. Instants are Unix milliseconds: the window goes by them.
-- MySQL commits after each DDL statement: every one can be repeated, so that a migration that broke off is run again. Not
-- every server knows ADD COLUMN IF NOT EXISTS; one ALTER TABLE adds all of a table's or none.
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS bonds (
  elder_id VARCHAR(32) NOT NULL,
  `user`   VARCHAR(64) NOT NULL,
  kin      VARCHAR(64) NOT NULL DEFAULT '',
  claim    VARCHAR(32) NOT NULL DEFAULT '',
  handle   VARCHAR(32) NOT NULL DEFAULT '',
  state    VARCHAR(16) NOT NULL DEFAULT '',
  `by`     VARCHAR(64) NOT NULL DEFAULT '',
  asked    VARCHAR(10) NOT NULL DEFAULT '',
  since    VARCHAR(10) NOT NULL DEFAULT '',
  until    VARCHAR(10) NOT NULL DEFAULT '',
  health   VARCHAR(10) NOT NULL DEFAULT '',
  wants    VARCHAR(10) NOT NULL DEFAULT '',
  why      TEXT NOT NULL,
  PRIMARY KEY (elder_id, `user`),
  KEY idx_bonds_user (`user`)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS leaflets (
  elder_id VARCHAR(32) NOT NULL,
  handle   VARCHAR(32) NOT NULL,
  issued   VARCHAR(10) NOT NULL DEFAULT '',
  `by`     VARCHAR(64) NOT NULL DEFAULT '',
  bears    VARCHAR(32) NOT NULL DEFAULT '',
  given    VARCHAR(10) NOT NULL DEFAULT '',
  revoked  VARCHAR(10) NOT NULL DEFAULT '',
  why      TEXT NOT NULL,
  PRIMARY KEY (elder_id, handle)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS words (
  `key`    VARCHAR(64) NOT NULL PRIMARY KEY,
  elder_id VARCHAR(32) NOT NULL DEFAULT '',
  kin      VARCHAR(64) NOT NULL DEFAULT '',
  `user`   VARCHAR(64) NOT NULL DEFAULT '',
  purpose  VARCHAR(16) NOT NULL,
  period   VARCHAR(10) NOT NULL DEFAULT '',
  text     TEXT NOT NULL,
  state    VARCHAR(16) NOT NULL,
  channel  VARCHAR(16) NOT NULL DEFAULT '',
  owner    VARCHAR(64) NOT NULL DEFAULT '',
  due      BIGINT NOT NULL DEFAULT 0,
  at       BIGINT NOT NULL,
  moved    BIGINT NOT NULL,
  rev      BIGINT NOT NULL,
  tries    INT NOT NULL,
  KEY idx_words_due (due),
  KEY idx_words_elder_id (elder_id),
  KEY idx_words_user (`user`),
  KEY idx_words_owner (owner, state),
  KEY idx_words_state (state, at),
  KEY idx_words_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS word_tries (
  word_key VARCHAR(64) NOT NULL,
  n        INT NOT NULL,
  channel  VARCHAR(16) NOT NULL DEFAULT '',
  kind     VARCHAR(16) NOT NULL,
  `to`     VARCHAR(64) NOT NULL DEFAULT '',
  `by`     VARCHAR(64) NOT NULL DEFAULT '',
  message  VARCHAR(191) NOT NULL DEFAULT '',
  text     TEXT NOT NULL,
  at       BIGINT NOT NULL,
  PRIMARY KEY (word_key, n),
  KEY idx_word_tries_message (message)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- found is a word under which the sealed address is found.
CREATE TABLE IF NOT EXISTS kin_lines (
  usr     VARCHAR(64) NOT NULL,
  channel VARCHAR(16) NOT NULL,
  account VARCHAR(64) NOT NULL DEFAULT '',
  address TEXT NOT NULL,
  found   VARCHAR(32) NOT NULL DEFAULT '',
  nick    TEXT NOT NULL,
  state   VARCHAR(16) NOT NULL,
  why     VARCHAR(255) NOT NULL DEFAULT '',
  heard   BIGINT NOT NULL DEFAULT 0,
  at      BIGINT NOT NULL,
  PRIMARY KEY (usr, channel),
  KEY idx_kin_lines_found (found)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS kf_cursors (
  open_kfid   VARCHAR(64) NOT NULL PRIMARY KEY,
  next_cursor VARCHAR(255) NOT NULL,
  at          BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- Messages that count toward the five after a relative's word.
CREATE TABLE IF NOT EXISTS kf_sends (
  message VARCHAR(191) NOT NULL PRIMARY KEY,
  usr     VARCHAR(64) NOT NULL,
  at      BIGINT NOT NULL,
  KEY idx_kf_sends_usr (usr, at),
  KEY idx_kf_sends_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE TABLE IF NOT EXISTS guesses (
  `key`  VARCHAR(191) NOT NULL PRIMARY KEY,
  usr    VARCHAR(64) NOT NULL,
  handle VARCHAR(64) NOT NULL DEFAULT '',
  at     BIGINT NOT NULL,
  KEY idx_guesses_usr (usr, at),
  KEY idx_guesses_handle (handle, at),
  KEY idx_guesses_at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
SET @q = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'kins' AND column_name = 'seen') > 0,
  'DO 0', 'ALTER TABLE kins ADD COLUMN seen VARCHAR(10) NOT NULL DEFAULT \'\', ADD COLUMN back TEXT NOT NULL, ADD COLUMN dead VARCHAR(10) NOT NULL DEFAULT \'\'');
PREPARE q FROM @q;
EXECUTE q;
DEALLOCATE PREPARE q;
SET @q = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'consents' AND column_name = 'whom') > 0,
  'DO 0', 'ALTER TABLE consents ADD COLUMN whom VARCHAR(64) NOT NULL DEFAULT \'\', ADD COLUMN proof VARCHAR(160) NOT NULL DEFAULT \'\'');
PREPARE q FROM @q;
EXECUTE q;
DEALLOCATE PREPARE q;
-- Key of the word that a message brings, and of the photo that it passes on.
SET @q = IF((SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'outbox' AND column_name = 'word') > 0,
  'DO 0', 'ALTER TABLE outbox ADD COLUMN word VARCHAR(64) NOT NULL DEFAULT \'\', ADD COLUMN show_ VARCHAR(80) NOT NULL DEFAULT \'\', ADD KEY outbox_word (word)');
PREPARE q FROM @q;
EXECUTE q;
DEALLOCATE PREPARE q;
