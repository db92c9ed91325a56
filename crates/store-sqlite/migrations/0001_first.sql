-- Instants are integer milliseconds since 1970, UTC; ids are UUIDs as text; booleans are 0 and 1.

-- One update operation. What the row has beyond its columns is one JSON object in `detail`.
CREATE TABLE update_op (
    id                 TEXT    NOT NULL PRIMARY KEY,
    op8                TEXT    NOT NULL,
    format             INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    kind               TEXT    NOT NULL,
    host_id            TEXT    NOT NULL,
    engine_id          TEXT    NOT NULL,
    image_store        TEXT    NOT NULL,
    canonical_name     TEXT    NOT NULL,
    temp_name          TEXT    NOT NULL,
    retained_name      TEXT    NOT NULL,
    old_id             TEXT    NOT NULL,
    old_image_id       TEXT    NOT NULL,
    target_reference   TEXT    NOT NULL,
    target_digest      TEXT,
    target_image_id    TEXT,
    image_was_new      INTEGER NOT NULL,
    new_id             TEXT,
    phase              TEXT    NOT NULL,
    direction          TEXT    NOT NULL,
    validate_budget_ms INTEGER NOT NULL,
    validate_used_ms   INTEGER NOT NULL,
    recoveries         INTEGER NOT NULL,
    boot_id            TEXT    NOT NULL,
    process_id         INTEGER NOT NULL,
    reason             TEXT,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    committed_at       INTEGER,
    detail             TEXT    NOT NULL
) STRICT;

-- The lock of record: at most one operation that is not terminal for each container.
CREATE UNIQUE INDEX update_op_lock_of_record ON update_op (host_id, canonical_name)
    WHERE phase NOT IN ('cleaned', 'rolled_back', 'aborted', 'external');
CREATE INDEX update_op_by_op8 ON update_op (host_id, op8);
CREATE INDEX update_op_by_age ON update_op (updated_at);

-- The create requests of an operation, sealed: they carry secrets.
CREATE TABLE update_op_spec (
    op_id  TEXT NOT NULL REFERENCES update_op (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    kind   TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (op_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE update_step (
    op_id      TEXT    NOT NULL REFERENCES update_op (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    seq        INTEGER NOT NULL,
    step       TEXT    NOT NULL,
    attempt    INTEGER NOT NULL,
    intent_at  INTEGER NOT NULL,
    args       TEXT    NOT NULL,
    outcome_at INTEGER,
    outcome    TEXT,
    observed   TEXT,
    PRIMARY KEY (op_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_entry (
    id                    TEXT    NOT NULL PRIMARY KEY,
    host_id               TEXT    NOT NULL,
    name                  TEXT    NOT NULL,
    revision              INTEGER NOT NULL,
    state                 TEXT    NOT NULL,
    current_reference     TEXT    NOT NULL,
    current_image         TEXT    NOT NULL,
    target_reference      TEXT    NOT NULL,
    target_digest         TEXT    NOT NULL,
    target_manifest       TEXT    NOT NULL,
    target_config         TEXT,
    target_version        TEXT,
    target_already_pulled INTEGER NOT NULL,
    newer_versions        TEXT    NOT NULL,
    detected_at           INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL,
    decided_by            TEXT,
    op_id                 TEXT,
    note                  TEXT,
    retry_at              INTEGER
) STRICT;

-- A container has at most one current entry.
CREATE UNIQUE INDEX queue_entry_current ON queue_entry (host_id, name)
    WHERE state IN ('pending', 'waiting', 'approved', 'running', 'failed', 'rejected');
CREATE INDEX queue_entry_by_age ON queue_entry (updated_at);

CREATE TABLE history (
    seq                   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    host_id               TEXT    NOT NULL,
    name                  TEXT    NOT NULL,
    at                    INTEGER NOT NULL,
    op_id                 TEXT,
    outcome               TEXT    NOT NULL,
    old_reference         TEXT    NOT NULL,
    old_image             TEXT    NOT NULL,
    new_reference         TEXT    NOT NULL,
    new_digest            TEXT,
    duration_ms           INTEGER NOT NULL,
    dark_ms               INTEGER,
    reason                TEXT,
    actor                 TEXT    NOT NULL,
    data_may_have_changed INTEGER NOT NULL
) STRICT;

CREATE INDEX history_by_name ON history (host_id, name, seq);
CREATE INDEX history_by_age ON history (at);

-- The outbox. Its numbers grow and are never used again.
CREATE TABLE event (
    seq     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    host_id TEXT,
    name    TEXT,
    op_id   TEXT,
    message TEXT    NOT NULL,
    data    TEXT    NOT NULL
) STRICT;

CREATE INDEX event_by_age ON event (at);

-- What was rolled back, by platform manifest; the index is kept beside it for people.
CREATE TABLE bad_digest (
    registry     TEXT    NOT NULL,
    path         TEXT    NOT NULL,
    manifest     TEXT    NOT NULL,
    index_digest TEXT,
    tag          TEXT,
    reason       TEXT    NOT NULL,
    op_id        TEXT,
    at           INTEGER NOT NULL,
    PRIMARY KEY (registry, path, manifest)
) STRICT, WITHOUT ROWID;

CREATE TABLE first_seen (
    registry TEXT    NOT NULL,
    path     TEXT    NOT NULL,
    manifest TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (registry, path, manifest)
) STRICT, WITHOUT ROWID;

CREATE TABLE ignored_target (
    id       INTEGER NOT NULL PRIMARY KEY,
    host_id  TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    version  TEXT,
    manifest TEXT,
    actor    TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX ignored_target_once
    ON ignored_target (host_id, name, ifnull(version, ''), ifnull(manifest, ''));

CREATE TABLE policy_override (
    host_id TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    policy  TEXT    NOT NULL,
    actor   TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (host_id, name)
) STRICT, WITHOUT ROWID;

-- The old spec of the operation is what a rollback goes back to.
CREATE TABLE rollback_point (
    op_id        TEXT    NOT NULL PRIMARY KEY
        REFERENCES update_op (id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED,
    host_id      TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    image_id     TEXT    NOT NULL,
    manifest     TEXT,
    repo_digests TEXT    NOT NULL,
    reference    TEXT    NOT NULL,
    pin          TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX rollback_point_by_name ON rollback_point (host_id, name, created_at);

CREATE TABLE last_check (
    host_id     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    explanation TEXT    NOT NULL,
    PRIMARY KEY (host_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE scan (
    id         TEXT    NOT NULL PRIMARY KEY,
    cause      TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    total      INTEGER NOT NULL,
    checked    INTEGER NOT NULL,
    available  INTEGER NOT NULL,
    to_apply   INTEGER NOT NULL,
    queued     INTEGER NOT NULL,
    skipped    INTEGER NOT NULL,
    failed     INTEGER NOT NULL
) STRICT;

CREATE INDEX scan_by_start ON scan (started_at);

CREATE TABLE setting (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_account (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE,
    password_hash TEXT    NOT NULL,
    role          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
