-- The family: relatives' WeChats and contact cards, what has to reach them and how it was tried, the lines to them, and the window
-- of 微信客服. Instants are Unix milliseconds: the window goes by them.
-- +goose Up
CREATE TABLE IF NOT EXISTS bonds (
  elder_id TEXT NOT NULL,
  `user`   TEXT NOT NULL,
  kin      TEXT NOT NULL DEFAULT '',
  claim    TEXT NOT NULL DEFAULT '',
  handle   TEXT NOT NULL DEFAULT '',
  state    TEXT NOT NULL DEFAULT '',
  `by`     TEXT NOT NULL DEFAULT '',
  asked    TEXT NOT NULL DEFAULT '',
  since    TEXT NOT NULL DEFAULT '',
  until    TEXT NOT NULL DEFAULT '',
  health   TEXT NOT NULL DEFAULT '',
  wants    TEXT NOT NULL DEFAULT '',
  why      TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, `user`)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_bonds_user ON bonds (`user`);
CREATE TABLE IF NOT EXISTS leaflets (
  elder_id TEXT NOT NULL,
  handle   TEXT NOT NULL,
  issued   TEXT NOT NULL DEFAULT '',
  `by`     TEXT NOT NULL DEFAULT '',
  bears    TEXT NOT NULL DEFAULT '',
  given    TEXT NOT NULL DEFAULT '',
  revoked  TEXT NOT NULL DEFAULT '',
  why      TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (elder_id, handle)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS words (
  `key`    TEXT PRIMARY KEY,
  elder_id TEXT NOT NULL DEFAULT '',
  kin      TEXT NOT NULL DEFAULT '',
  `user`   TEXT NOT NULL DEFAULT '',
  purpose  TEXT NOT NULL,
  period   TEXT NOT NULL DEFAULT '',
  text     TEXT NOT NULL DEFAULT '',
  state    TEXT NOT NULL,
  channel  TEXT NOT NULL DEFAULT '',
  owner    TEXT NOT NULL DEFAULT '',
  due      INTEGER NOT NULL DEFAULT 0,
  at       INTEGER NOT NULL,
  moved    INTEGER NOT NULL,
  rev      INTEGER NOT NULL,
  tries    INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_words_due ON words (due);
CREATE INDEX IF NOT EXISTS idx_words_elder_id ON words (elder_id);
CREATE INDEX IF NOT EXISTS idx_words_user ON words (`user`);
CREATE INDEX IF NOT EXISTS idx_words_owner ON words (owner, state);
CREATE INDEX IF NOT EXISTS idx_words_state ON words (state, at);
CREATE INDEX IF NOT EXISTS idx_words_at ON words (at);
CREATE TABLE IF NOT EXISTS word_tries (
  word_key TEXT NOT NULL,
  n        INTEGER NOT NULL,
  channel  TEXT NOT NULL DEFAULT '',
  kind     TEXT NOT NULL,
  `to`     TEXT NOT NULL DEFAULT '',
  `by`     TEXT NOT NULL DEFAULT '',
  message  TEXT NOT NULL DEFAULT '',
  text     TEXT NOT NULL DEFAULT '',
  at       INTEGER NOT NULL,
  PRIMARY KEY (word_key, n)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_word_tries_message ON word_tries (message);
-- found is a word under which the sealed address is found.
CREATE TABLE IF NOT EXISTS kin_lines (
  usr     TEXT NOT NULL,
  channel TEXT NOT NULL,
  account TEXT NOT NULL DEFAULT '',
  address TEXT NOT NULL DEFAULT '',
  found   TEXT NOT NULL DEFAULT '',
  nick    TEXT NOT NULL DEFAULT '',
  state   TEXT NOT NULL,
  why     TEXT NOT NULL DEFAULT '',
  heard   INTEGER NOT NULL DEFAULT 0,
  at      INTEGER NOT NULL,
  PRIMARY KEY (usr, channel)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_kin_lines_found ON kin_lines (found);
CREATE TABLE IF NOT EXISTS kf_cursors (
  open_kfid   TEXT PRIMARY KEY,
  next_cursor TEXT NOT NULL,
  at          INTEGER NOT NULL
);
-- Messages that count toward the five after a relative's word.
CREATE TABLE IF NOT EXISTS kf_sends (
  message TEXT PRIMARY KEY,
  usr     TEXT NOT NULL,
  at      INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_kf_sends_usr ON kf_sends (usr, at);
CREATE INDEX IF NOT EXISTS idx_kf_sends_at ON kf_sends (at);
CREATE TABLE IF NOT EXISTS guesses (
  `key`  TEXT PRIMARY KEY,
  usr    TEXT NOT NULL,
  handle TEXT NOT NULL DEFAULT '',
  at     INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_guesses_usr ON guesses (usr, at);
CREATE INDEX IF NOT EXISTS idx_guesses_handle ON guesses (handle, at);
CREATE INDEX IF NOT EXISTS idx_guesses_at ON guesses (at);
ALTER TABLE kins ADD COLUMN seen TEXT NOT NULL DEFAULT '';
ALTER TABLE kins ADD COLUMN back TEXT NOT NULL DEFAULT '';
ALTER TABLE kins ADD COLUMN dead TEXT NOT NULL DEFAULT '';
ALTER TABLE consents ADD COLUMN whom TEXT NOT NULL DEFAULT '';
ALTER TABLE consents ADD COLUMN proof TEXT NOT NULL DEFAULT '';
-- Key of the word that a message brings, and of the photo that it passes on.
ALTER TABLE outbox ADD COLUMN word TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN show_ TEXT NOT NULL DEFAULT '';
CREATE INDEX IF NOT EXISTS outbox_word ON outbox (word) WHERE word <> '';
