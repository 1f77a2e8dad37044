-- Every statement of the SQLite store. Sets of rows come as one JSON array, so that a batch of
-- thousands is one statement: each step lets go of the GIL once, and getting it back from a busy
-- kernel may take milliseconds.

-- begin --
-- Open a transaction as the only writer.
BEGIN IMMEDIATE;

-- commit --
-- Close it; with synchronous FULL this is on the disk, with NORMAL it survives the kill of the process.
COMMIT;

-- rollback --
-- Give it up.
ROLLBACK;

-- synchronous_full --
-- Commits from here on are fsynced.
PRAGMA synchronous = FULL;

-- synchronous_normal --
-- Commits from here on are in the file, not yet forced to the disk.
PRAGMA synchronous = NORMAL;

-- fullfsync --
-- On macOS an ordinary fsync stops at the drive's cache; elsewhere this does nothing.
PRAGMA fullfsync = ON;

-- trusted_schema --
-- A store that somebody sent must not run functions from its schema.
PRAGMA trusted_schema = OFF;

-- temp_store --
-- Scratch space of statements stays in memory.
PRAGMA temp_store = MEMORY;

-- cache_size --
-- Half a megabyte of pages for each connection: those of a growing file fill any cache, and the system has them too.
PRAGMA cache_size = -512;

-- auto_vacuum --
-- Free pages can be given back later, a few at a time; to be said before the first table.
PRAGMA auto_vacuum = INCREMENTAL;

-- incremental_vacuum --
-- Give at most so many free pages back.
PRAGMA incremental_vacuum(128);

-- free_pages --
-- Pages that hold nothing.
PRAGMA freelist_count;

-- checkpoint --
-- Bring the journal into the file and empty it, if nobody is in the way.
PRAGMA wal_checkpoint(TRUNCATE);

-- journal_mode --
-- How the file is journalled now.
PRAGMA journal_mode;

-- journal_wal --
-- Readers and one writer at a time, on a local disk.
PRAGMA journal_mode = WAL;

-- journal_delete --
-- For network and synced folders, where the shared memory of WAL does not work.
PRAGMA journal_mode = DELETE;

-- data_version --
-- Changes when another connection has committed.
PRAGMA data_version;

-- identity --
-- Number of the last migration, whose file this is, how much is in it; on one snapshot.
SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master)
FROM pragma_user_version, pragma_application_id;

-- meta --
-- A fact about the store itself.
SELECT value FROM meta WHERE key = :key;

-- put_meta --
-- Note a fact about the store itself.
INSERT INTO meta (key, value) VALUES (:key, :value);

-- barrier --
-- Write something, so that the commit has something to fsync.
INSERT INTO meta (key, value) VALUES ('barrier', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1;

-- register_kernel --
-- Announce a kernel's life.
INSERT INTO kernels (uid, host, lock_path, home, beat_ms)
VALUES (:uid, :host, :lock_path, :home, :beat_ms)
ON CONFLICT (uid) DO UPDATE SET
    host = excluded.host, lock_path = excluded.lock_path, home = excluded.home, beat_ms = excluded.beat_ms;

-- mention_kernel --
-- Make sure that a kernel which a run names has a row.
INSERT OR IGNORE INTO kernels (uid, host, lock_path, home, beat_ms) VALUES (:uid, '', '', '', 0);

-- beat --
-- The kernel still lives.
UPDATE kernels SET beat_ms = :now_ms WHERE uid = :uid;

-- kernel --
-- One kernel.
SELECT kernel, host, lock_path, home, beat_ms FROM kernels WHERE uid = :uid;

-- put_spec --
-- Keep a spec; a known one is left alone. Without a body it is only made sure that what names it finds a row.
INSERT INTO specs (hash, kind, body) VALUES (:hash, :kind, :body)
ON CONFLICT (hash) DO UPDATE SET kind = excluded.kind, body = excluded.body WHERE body IS NULL;

-- put_schemas --
-- Keep reply schemas, rows [hash, body].
INSERT INTO specs (hash, kind, body)
SELECT json_extract(j.value, '$[0]'), 'schema', json_extract(j.value, '$[1]')
FROM json_each(:rows) AS j
WHERE true
ON CONFLICT (hash) DO UPDATE SET kind = excluded.kind, body = excluded.body WHERE body IS NULL;

-- spec --
-- Read a spec back.
SELECT body FROM specs WHERE hash = :hash AND body IS NOT NULL;

-- create_run --
-- A new run with fence 1; no row when the id is taken.
INSERT OR IGNORE INTO runs (
    run_id, parent, graph, home, cell, spec, input_hash, status, kernel, fence, last_seq, created_ms, updated_ms
)
VALUES (
    :run_id, :parent, :graph, :home, :cell, (SELECT spec FROM specs WHERE hash = :spec), :input_hash, :status,
    (SELECT kernel FROM kernels WHERE uid = :kernel), 1, :last_seq, :created_ms, :created_ms
);

-- claimable --
-- Of rows [run_id, fence], the runs that still have this fence, in this order.
SELECT r.run
FROM json_each(:rows) AS j
CROSS JOIN runs AS r ON r.run_id = json_extract(j.value, '$[0]')
WHERE r.fence = json_extract(j.value, '$[1]')
GROUP BY r.run
ORDER BY min(j.key);

-- claim_runs --
-- Take runs over.
UPDATE runs SET
    kernel = (SELECT kernel FROM kernels WHERE uid = :kernel), fence = fence + 1, updated_ms = :now_ms
WHERE run IN (SELECT value FROM json_each(:keys));

-- runs_by_key --
-- These runs, in this order.
SELECT
    r.run_id, r.graph, r.home, r.cell, r.spec, r.input_hash, r.status, r.kernel, r.fence, r.last_seq, r.created_ms,
    r.updated_ms, r.parent
FROM json_each(:keys) AS j
CROSS JOIN run_rows AS r ON r.run = j.value
ORDER BY j.key;

-- run_key --
-- What other tables call a run.
SELECT run FROM runs WHERE run_id = :run_id;

-- archived_names --
-- The names under which earlier runs of this id were put aside.
SELECT run_id FROM runs WHERE run_id > :run_id || '~' AND run_id < :run_id || '~:';

-- archive_run --
-- Put a run aside under another name, out of its driver's reach.
UPDATE runs SET
    run_id = :new_id, status = :status, fence = fence + 1, last_seq = :last_seq, updated_ms = :now_ms
WHERE run = :key;

-- rename_parent --
-- Its children follow it.
UPDATE runs SET parent = :new_id WHERE parent = :run_id;

-- drop_mail --
-- Mail to the old name must not reach the run that has it next.
UPDATE mailbox SET taken_by = 'archived' WHERE run = :key AND taken_by IS NULL;

-- guard_runs --
-- Of rows [run_id, kernel, fence, prev_seq], the runs whose driver and log's end are still these.
SELECT r.run_id, r.run
FROM json_each(:rows) AS j
CROSS JOIN runs AS r ON r.run_id = json_extract(j.value, '$[0]')
WHERE ifnull((SELECT uid FROM kernels WHERE kernel = r.kernel), '') = json_extract(j.value, '$[1]')
AND r.fence = json_extract(j.value, '$[2]')
AND r.last_seq = json_extract(j.value, '$[3]');

-- advance_runs --
-- Move the ends of logs, rows [run, status, last_seq]; an upsert, as UPDATE ... FROM needs SQLite 3.33.
INSERT INTO runs (
    run, run_id, graph, home, cell, spec, input_hash, status, fence, last_seq, created_ms, updated_ms
)
SELECT
    r.run, r.run_id, r.graph, r.home, r.cell, r.spec, r.input_hash, json_extract(j.value, '$[1]'), r.fence,
    json_extract(j.value, '$[2]'), r.created_ms, :now_ms
FROM json_each(:rows) AS j
CROSS JOIN runs AS r ON r.run = json_extract(j.value, '$[0]')
WHERE true
ON CONFLICT (run) DO UPDATE SET
    status = excluded.status, last_seq = excluded.last_seq, updated_ms = excluded.updated_ms;

-- append_events --
-- Add to logs, rows [run, seq, at_us, fence, v, type, node, body].
INSERT INTO events (run, seq, at_us, fence, v, type, node, body)
SELECT
    json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'), json_extract(j.value, '$[2]'),
    json_extract(j.value, '$[3]'), json_extract(j.value, '$[4]'), json_extract(j.value, '$[5]'),
    json_extract(j.value, '$[6]'), json_extract(j.value, '$[7]')
FROM json_each(:rows) AS j;

-- save_waits --
-- Make waits or write back how they stand, rows in the order of the columns; run and schema by name.
INSERT INTO waits (
    token, run, node, kind, ask, schema, correlator, deadline_ms, status, reply, replied_by, door, replied_ms, taken
)
SELECT
    json_extract(j.value, '$[0]'),
    (SELECT run FROM runs WHERE run_id = json_extract(j.value, '$[1]')),
    json_extract(j.value, '$[2]'), json_extract(j.value, '$[3]'), json_extract(j.value, '$[4]'),
    (SELECT spec FROM specs WHERE hash = json_extract(j.value, '$[5]')),
    json_extract(j.value, '$[6]'), json_extract(j.value, '$[7]'), json_extract(j.value, '$[8]'),
    json_extract(j.value, '$[9]'), json_extract(j.value, '$[10]'), json_extract(j.value, '$[11]'),
    json_extract(j.value, '$[12]'), json_extract(j.value, '$[13]')
FROM json_each(:rows) AS j
WHERE true
ON CONFLICT (token) DO UPDATE SET
    status = excluded.status, reply = excluded.reply, replied_by = excluded.replied_by, door = excluded.door,
    replied_ms = excluded.replied_ms, taken = excluded.taken;

-- run --
-- One run.
SELECT run_id, graph, home, cell, spec, input_hash, status, kernel, fence, last_seq, created_ms, updated_ms, parent
FROM run_rows
WHERE run_id = :run_id;

-- runs --
-- Runs that match, newest first.
SELECT run_id, graph, home, cell, spec, input_hash, status, kernel, fence, last_seq, created_ms, updated_ms, parent
FROM run_rows
WHERE (:status IS NULL OR status = :status)
AND (:graph IS NULL OR graph = :graph)
AND (:home IS NULL OR home = :home)
AND (:parent IS NULL OR parent = :parent)
ORDER BY run DESC
LIMIT :limit;

-- find_runs --
-- A page of the runs that match, newest first.
SELECT run_id, graph, home, cell, spec, input_hash, status, kernel, fence, last_seq, created_ms, updated_ms, parent
FROM run_rows
WHERE (:status IS NULL OR status = :status)
AND (:search = '' OR instr(lower(run_id || char(10) || graph || char(10) || home), :search))
ORDER BY run DESC
LIMIT :limit OFFSET :offset;

-- count_found_runs --
-- How many those are on all pages.
SELECT count(*)
FROM runs
WHERE (:status IS NULL OR status = :status)
AND (:search = '' OR instr(lower(run_id || char(10) || graph || char(10) || home), :search));

-- questions --
-- Open waits that ask somebody: those of kind callback wait for a job or an event. Each reader has it for itself.
CREATE TEMP VIEW questions AS
SELECT wait, run
FROM waits
WHERE status = 'open' AND json_extract(CASE WHEN json_valid(ask) THEN ask END, '$.kind') IS NOT 'callback';

-- found_waits --
-- The open waits that match: questions first, each in the order of waits_open.
SELECT w.wait
FROM waits AS w
JOIN runs AS r ON r.run = w.run
WHERE w.status = 'open'
AND (:homes IS NULL OR r.home IN (SELECT value FROM json_each(:homes)))
AND (:search = '' OR instr(
    lower(json_extract(w.ask, '$.prompt') || char(10) || r.run_id || char(10) || r.graph || char(10) || r.home),
    :search
))
ORDER BY w.wait NOT IN (SELECT wait FROM questions), w.deadline_ms IS NULL, w.deadline_ms, w.wait;

-- waits_by_key --
-- These waits, in this order.
SELECT
    w.token, w.run_id, w.node, w.kind, w.ask, w.schema, w.correlator, w.deadline_ms, w.status, w.reply, w.replied_by,
    w.door, w.replied_ms, w.taken, w.schema_body
FROM json_each(:keys) AS j
CROSS JOIN wait_rows AS w ON w.wait = j.value
ORDER BY j.key;

-- open_homes --
-- Questions by the home of their run.
SELECT r.home, count(*)
FROM questions AS q
JOIN runs AS r ON r.run = q.run
GROUP BY r.home;

-- tallies --
-- How far runs are: questions, own nodes that succeeded, own nodes that came as they ran.
SELECT
    r.run_id,
    (SELECT count(*) FROM questions AS q WHERE q.run = r.run),
    count(DISTINCT CASE WHEN e.type = 'NodeFinished' THEN e.node END),
    count(DISTINCT CASE WHEN e.type = 'NodeAdded' THEN e.node END)
FROM json_each(:runs) AS j
CROSS JOIN runs AS r ON r.run_id = j.value
LEFT JOIN events AS e
    ON e.run = r.run AND e.type IN ('NodeFinished', 'NodeAdded') AND instr(e.node, '/') = 0
GROUP BY r.run;

-- asked --
-- When these waits were opened, and where in their logs.
SELECT t.value, e.at_us, e.seq
FROM (
    SELECT DISTINCT run FROM waits WHERE token IN (SELECT value FROM json_each(:tokens))
) AS r
CROSS JOIN events AS e ON e.run = r.run AND e.type = 'WaitOpened'
CROSS JOIN json_each(:tokens) AS t
    ON t.value = json_extract(CASE WHEN json_valid(e.body) THEN e.body END, '$.token');

-- driving_kernels --
-- What tells of the kernels of unfinished runs whether they live.
SELECT kernel, uid, host, lock_path, beat_ms
FROM kernels
WHERE kernel IN (SELECT kernel FROM runs WHERE status NOT IN ('succeeded', 'failed', 'cancelled'));

-- tokens --
-- Tokens that begin so: of waits, and what Stage A of unfinished runs was given. Reads all starts of those runs.
SELECT token FROM waits WHERE token >= :beginning AND token < :beginning || char(1114111)
UNION
SELECT json_extract(e.body, '$.token')
FROM runs AS r
CROSS JOIN events AS e ON e.run = r.run
WHERE r.status NOT IN ('succeeded', 'failed', 'cancelled') AND e.type = 'NodeStarted'
AND substr(json_extract(CASE WHEN json_valid(e.body) THEN e.body END, '$.token'), 1, length(:beginning)) = :beginning;

-- pulse --
-- The whole store at a glance.
SELECT
    (SELECT count(*) FROM questions), (SELECT count(*) FROM waits WHERE status = 'open'), count(*),
    ifnull(sum(last_seq), 0), ifnull(sum(fence), 0)
FROM runs;

-- set_meta --
-- Note a fact about the store itself, in place of an earlier one.
INSERT INTO meta (key, value) VALUES (:key, :value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- events --
-- A run's log; a WaitOpened that has no prompt in its body finds it in the wait.
SELECT e.seq, e.at_us, e.v, e.type, e.node, e.body, w.ask
FROM events AS e
LEFT JOIN waits AS w
    ON w.token = CASE e.type WHEN 'WaitOpened' THEN json_extract(e.body, '$.token') END
WHERE e.run = (SELECT run FROM runs WHERE run_id = :run_id) AND e.seq > :after
ORDER BY e.seq;

-- events_of --
-- The same, only of these types.
SELECT e.seq, e.at_us, e.v, e.type, e.node, e.body, w.ask
FROM events AS e
LEFT JOIN waits AS w
    ON w.token = CASE e.type WHEN 'WaitOpened' THEN json_extract(e.body, '$.token') END
WHERE e.run = (SELECT run FROM runs WHERE run_id = :run_id) AND e.seq > :after
AND e.type IN (SELECT value FROM json_each(:types))
ORDER BY e.seq;

-- wait --
-- One wait.
SELECT
    token, run_id, node, kind, ask, schema, correlator, deadline_ms, status, reply, replied_by, door, replied_ms,
    taken, schema_body
FROM wait_rows
WHERE token = :token;

-- waits --
-- Waits in this status (NULL is any), earliest deadline first, then oldest.
SELECT
    token, run_id, node, kind, ask, schema, correlator, deadline_ms, status, reply, replied_by, door, replied_ms,
    taken, schema_body
FROM wait_rows
WHERE :status IS NULL OR status = :status
ORDER BY deadline_ms IS NULL, deadline_ms, wait;

-- waits_of_runs --
-- The same of these runs.
SELECT
    token, run_id, node, kind, ask, schema, correlator, deadline_ms, status, reply, replied_by, door, replied_ms,
    taken, schema_body
FROM wait_rows
WHERE run_id IN (SELECT value FROM json_each(:runs)) AND (:status IS NULL OR status = :status)
ORDER BY deadline_ms IS NULL, deadline_ms, wait;

-- waits_open --
-- The same for what is asked all day: every open wait, by its index.
SELECT
    token, run_id, node, kind, ask, schema, correlator, deadline_ms, status, reply, replied_by, door, replied_ms,
    taken, schema_body
FROM wait_rows
WHERE status = 'open'
ORDER BY deadline_ms IS NULL, deadline_ms, wait;

-- waits_by_token --
-- The waits of these tokens, those that there are.
SELECT
    token, run_id, node, kind, ask, schema, correlator, deadline_ms, status, reply, replied_by, door, replied_ms,
    taken, schema_body
FROM wait_rows
WHERE token IN (SELECT value FROM json_each(:tokens));

-- waits_of_correlator --
-- The open waits that a posted event reaches, oldest first.
SELECT
    token, run_id, node, kind, ask, schema, correlator, deadline_ms, status, reply, replied_by, door, replied_ms,
    taken, schema_body
FROM wait_rows
WHERE status = 'open' AND correlator IS NOT NULL AND correlator = :correlator
ORDER BY wait;

-- untaken --
-- Answered waits that the kernel's unfinished runs have not taken.
SELECT
    token, run_id, node, kind, ask, schema, correlator, deadline_ms, status, reply, replied_by, door, replied_ms,
    taken, schema_body
FROM wait_rows
WHERE status = 'answered' AND taken = 0
AND driver = (SELECT kernel FROM kernels WHERE uid = :kernel)
AND run_status NOT IN ('succeeded', 'failed', 'cancelled')
ORDER BY replied_ms, wait;

-- answer --
-- The compare-and-set that decides a reply.
UPDATE waits SET
    status = 'answered', reply = :reply, replied_by = :by, door = :door, replied_ms = :at_ms, taken = 0
WHERE token = :token AND status = 'open' AND (deadline_ms IS NULL OR deadline_ms > :now_ms);

-- expire --
-- The compare-and-set that closes a wait whose time is over.
UPDATE waits SET status = 'expired'
WHERE token = :token AND status = 'open' AND deadline_ms <= :now_ms;

-- promised --
-- Whether Stage A in an unfinished run was given this token. Reads all starts of those runs: for tokens that
-- no wait has.
SELECT 1
FROM runs AS r
CROSS JOIN events AS e ON e.run = r.run
WHERE r.status NOT IN ('succeeded', 'failed', 'cancelled')
AND e.type = 'NodeStarted' AND json_extract(e.body, '$.token') = :token
LIMIT 1;

-- post --
-- Leave mail, or record what was delivered at once (taken_by is set then).
INSERT INTO mailbox (address, run, value, sent_by, at_ms, taken_by)
VALUES (:address, (SELECT run FROM runs WHERE run_id = :run_id), :value, :sent_by, :at_ms, :taken_by);

-- mail --
-- Mail for runs of this kernel, oldest first.
SELECT m.id, m.address, m.value, m.sent_by, m.at_ms
FROM mailbox AS m
JOIN runs AS r ON r.run = m.run
WHERE m.taken_by IS NULL AND m.run IS NOT NULL
AND r.kernel = (SELECT kernel FROM kernels WHERE uid = :kernel)
ORDER BY m.id;

-- mail_at --
-- Mail that waits at these addresses, oldest first.
SELECT id, address, value, sent_by, at_ms
FROM mailbox
WHERE taken_by IS NULL AND address IN (SELECT value FROM json_each(:addresses))
ORDER BY id;

-- take_mail --
-- The compare-and-set that takes mail.
UPDATE mailbox SET taken_by = :taken_by WHERE id = :id AND taken_by IS NULL;

-- name_artifacts --
-- Note which artifacts runs name, rows [run, sha, size, media].
INSERT INTO artifacts (run, sha, size, media)
SELECT
    json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]'), json_extract(j.value, '$[2]'),
    json_extract(j.value, '$[3]')
FROM json_each(:rows) AS j
WHERE true
ON CONFLICT (run, sha) DO UPDATE SET size = excluded.size, media = excluded.media WHERE size < excluded.size;

-- artifacts_named --
-- The artifacts that runs name, but for these.
SELECT sha, max(media)
FROM artifacts
WHERE run NOT IN (SELECT run FROM runs WHERE run_id IN (SELECT value FROM json_each(:without)))
GROUP BY sha;

-- mail_values --
-- What mail holds.
SELECT value FROM mailbox;

-- count_runs --
-- Runs by status: how many, how many events, the oldest, the newest.
SELECT status, count(*), sum(last_seq), min(created_ms), max(created_ms) FROM runs GROUP BY status;

-- count_waits --
-- Waits by status: how many, and how many have a reply that an unfinished run has not taken.
SELECT
    w.status, count(*),
    sum(w.status = 'answered' AND w.taken = 0 AND r.status NOT IN ('succeeded', 'failed', 'cancelled'))
FROM waits AS w
JOIN runs AS r ON r.run = w.run
GROUP BY w.status;

-- count_mail --
-- Mail that waits for somebody.
SELECT count(*) FROM mailbox WHERE taken_by IS NULL;

-- kernel_lives --
-- What tells of kernels whether they live.
SELECT kernel, uid, host, lock_path, beat_ms FROM kernels;

-- finished_runs --
-- Of rows [run_id, fence], the runs that are over and that nobody took up since.
SELECT r.run_id, r.run, r.last_seq
FROM json_each(:rows) AS j
CROSS JOIN runs AS r ON r.run_id = json_extract(j.value, '$[0]')
WHERE r.fence = json_extract(j.value, '$[1]') AND r.status IN ('succeeded', 'failed', 'cancelled');

-- discard_mail --
-- Mail to these runs and to their waits, those included that never opened. A damaged event is no reason to keep them.
DELETE FROM mailbox
WHERE run IN (SELECT value FROM json_each(:keys))
OR address IN (
    SELECT kind.value || json_extract(e.body, '$.token')
    FROM events AS e
    CROSS JOIN json_each('["token:", "hook:"]') AS kind
    WHERE e.run IN (SELECT value FROM json_each(:keys)) AND e.type IN ('NodeStarted', 'WaitOpened')
    AND json_valid(e.body)
);

-- discard_waits --
-- The waits of these runs.
DELETE FROM waits WHERE run IN (SELECT value FROM json_each(:keys));

-- discard_artifacts --
-- What these runs name.
DELETE FROM artifacts WHERE run IN (SELECT value FROM json_each(:keys));

-- discard_events --
-- The logs of these runs.
DELETE FROM events WHERE run IN (SELECT value FROM json_each(:keys));

-- discard_runs --
-- These runs.
DELETE FROM runs WHERE run IN (SELECT value FROM json_each(:keys));

-- discard_old_mail --
-- Mail that was taken, events that nobody came for, requests to runs that there are not.
DELETE FROM mailbox
WHERE at_ms < :before_ms AND (taken_by IS NOT NULL OR (run IS NULL AND address NOT LIKE 'token:%' AND address NOT LIKE 'hook:%'));

-- ends --
-- How far each log goes.
SELECT run, last_seq FROM runs;

-- spec_names --
-- What events name of the specs, of runs and after places in rows [run, seq].
SELECT DISTINCT
    json_extract(e.body, '$.spec'), CASE e.type WHEN 'NodeAdded' THEN NULL ELSE json_extract(e.body, '$.code') END
FROM json_each(:rows) AS j
CROSS JOIN events AS e ON e.run = json_extract(j.value, '$[0]') AND e.seq > json_extract(j.value, '$[1]')
WHERE (e.type IN ('RunStarted', 'RunResumed') OR (e.type = 'NodeAdded' AND instr(e.body, '"spec":"')))
AND json_valid(e.body);

-- unused_specs --
-- The specs that no run was started with and no wait needs, but for these runs.
SELECT hash FROM specs
WHERE spec NOT IN (SELECT spec FROM runs WHERE run NOT IN (SELECT value FROM json_each(:without)))
AND spec NOT IN (SELECT schema FROM waits WHERE run NOT IN (SELECT value FROM json_each(:without)));

-- spec_bodies --
-- All specs.
SELECT hash, ifnull(body, '') FROM specs;

-- discard_specs --
-- These specs.
DELETE FROM specs WHERE hash IN (SELECT value FROM json_each(:hashes));

-- discard_kernels --
-- Of these kernels, those that no run names, but for these runs.
DELETE FROM kernels
WHERE uid IN (SELECT value FROM json_each(:uids))
AND kernel NOT IN (
    SELECT kernel FROM runs WHERE kernel IS NOT NULL AND run NOT IN (SELECT value FROM json_each(:without))
);
