-- Who may sign in and how, what they may do, and what they did.

-- A named set of permissions: a JSON array of their ids.
CREATE TABLE role (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    permissions TEXT    NOT NULL,
    built_in    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `role` of an account is the id of a role. It is no foreign key: a role that is not there gives nothing,
-- and those that come with the program need no row.
ALTER TABLE user_account ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE user_account ADD COLUMN failed_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_account ADD COLUMN locked_until INTEGER;
ALTER TABLE user_account ADD COLUMN last_login_at INTEGER;
ALTER TABLE user_account ADD COLUMN password_changed_at INTEGER;

-- Of the token in the cookie only the SHA-256 is here; the handle opens nothing.
CREATE TABLE session (
    token_hash       TEXT    NOT NULL PRIMARY KEY,
    handle           TEXT    NOT NULL UNIQUE,
    user_id          TEXT    NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    method           TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    last_used_at     INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    idle_ms          INTEGER NOT NULL,
    ip               TEXT    NOT NULL,
    user_agent       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_user ON session (user_id, last_used_at);

-- `permissions`, where there are any, is a JSON array of ids that bounds what the owner may do.
CREATE TABLE api_token (
    id             TEXT    NOT NULL PRIMARY KEY,
    token_hash     TEXT    NOT NULL UNIQUE,
    user_id        TEXT    NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
    name           TEXT    NOT NULL,
    permissions    TEXT,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    last_used_at   INTEGER,
    last_used_from TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX api_token_by_user ON api_token (user_id, created_at);

-- Its numbers grow and are never used again.
CREATE TABLE activity (
    seq       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    type      TEXT    NOT NULL,
    message   TEXT    NOT NULL,
    container TEXT,
    host_id   TEXT,
    user_name TEXT,
    kind      TEXT
) STRICT;
