-- The whole database as it is now. migrations/ makes the same from nothing; a test holds them together.
-- Times are milliseconds (_ms) or microseconds (_us) since 1970, UTC. JSON is text.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- One life of one kernel. A run may name a kernel that never registered: then host is '' and it is dead.
CREATE TABLE kernels (
    kernel INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    lock_path TEXT NOT NULL,  -- relative to the folder of this file
    home TEXT NOT NULL,
    beat_ms INTEGER NOT NULL
);

-- Graphs and reply schemas, once each. body is NULL while only the key is known.
CREATE TABLE specs (
    spec INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    body TEXT
);

CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    parent TEXT,
    graph TEXT NOT NULL,
    home TEXT NOT NULL,
    cell TEXT NOT NULL,
    spec INTEGER NOT NULL,
    input_hash TEXT NOT NULL,
    status TEXT NOT NULL,
    kernel INTEGER,
    fence INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
);

-- body is the event without its columns here; that of a WaitOpened leaves its prompt to waits.ask.
CREATE TABLE events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    v INTEGER NOT NULL,
    type TEXT NOT NULL,
    node TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

-- The order of wait is the order in which they were opened.
CREATE TABLE waits (
    wait INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    run INTEGER NOT NULL,
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    ask TEXT NOT NULL,
    schema INTEGER NOT NULL,
    correlator TEXT,
    deadline_ms INTEGER,
    status TEXT NOT NULL,
    reply TEXT,
    replied_by TEXT,
    door TEXT,
    replied_ms INTEGER,
    taken INTEGER NOT NULL
);

CREATE INDEX waits_of_run ON waits (run);
CREATE INDEX waits_open ON waits (deadline_ms) WHERE status = 'open';
CREATE INDEX waits_correlated ON waits (correlator) WHERE status = 'open' AND correlator IS NOT NULL;
CREATE INDEX waits_untaken ON waits (run) WHERE status = 'answered' AND taken = 0;

-- run is set for mail addressed to a run.
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL,
    run INTEGER,
    value TEXT NOT NULL,
    sent_by TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    taken_by TEXT
);

CREATE INDEX mailbox_waiting ON mailbox (address) WHERE taken_by IS NULL;
CREATE INDEX mailbox_of_runs ON mailbox (run) WHERE taken_by IS NULL AND run IS NOT NULL;

CREATE TABLE artifacts (
    run INTEGER NOT NULL,
    sha TEXT NOT NULL,
    size INTEGER NOT NULL,
    media TEXT NOT NULL,
    PRIMARY KEY (run, sha)
) WITHOUT ROWID;

CREATE VIEW run_rows AS
SELECT
    r.run, r.run_id, r.graph, r.home, r.cell, s.hash AS spec, r.input_hash, r.status,
    ifnull(k.uid, '') AS kernel, r.fence, r.last_seq, r.created_ms, r.updated_ms, r.parent
FROM runs AS r
JOIN specs AS s ON s.spec = r.spec
LEFT JOIN kernels AS k ON k.kernel = r.kernel;

CREATE VIEW wait_rows AS
SELECT
    w.wait, w.token, r.run_id, w.node, w.kind, w.ask, s.hash AS schema, w.correlator, w.deadline_ms,
    w.status, w.reply, w.replied_by, w.door, w.replied_ms, w.taken,
    s.body AS schema_body, r.kernel AS driver, r.status AS run_status
FROM waits AS w
JOIN runs AS r ON r.run = w.run
JOIN specs AS s ON s.spec = w.schema;

PRAGMA application_id = 1095061058;  -- "AENB"
PRAGMA user_version = 1;
