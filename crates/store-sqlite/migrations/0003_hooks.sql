-- Commands that run in a container around its update, by name whether there is such a container or not.
-- `command` is a JSON array: the program and its arguments.
CREATE TABLE hook (
    host_id         TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    phase           TEXT    NOT NULL,
    command         TEXT    NOT NULL,
    timeout_seconds INTEGER NOT NULL,
    on_failure      TEXT    NOT NULL,
    actor           TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (host_id, name, phase)
) STRICT, WITHOUT ROWID;
