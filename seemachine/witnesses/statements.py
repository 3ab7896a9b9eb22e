"""What is said to the database: three tables, and statements that change nothing unless the session
is still the one that counts.

    seemachine_marks      the last opening of each machine
    seemachine_sessions   who speaks for a machine: one process (holder), and which of its
                          sessions (turn)
    seemachine_leaves     each lease that came into a machine: leaves before `next` were used,
                          those before `ahead` may be; `until` is its end where the lease was
                          claimed, and no lease is claimed twice

A statement of ours locks the row of seemachine_sessions before it changes anything, and another
process takes that row over before it reads anything. So what it reads is all that we may ever use.
"""

from seemachine.formats import Format

# ruff: noqa: S608 - texts of ours alone; what comes from elsewhere is bound to names

FORMAT = Format("seemachine witness tables")
MISSING = ("42P01", "42703")  # a table, a column
DENIED = "42501"
TAKEN = "23505"
LOCK_TIMEOUT = "55P03"
TOO_MANY = "53300"

# One lock number for all of them, and one for each ESN; 0 is for making tables.
CLASS = 8888
LOCK = f"SELECT pg_advisory_lock({CLASS}, hashtext(:esn))"
OBJECT = "(hashtext(:esn)::bigint & 4294967295)::oid"
OF_ESN = f"""l.locktype = 'advisory' AND l.classid = {CLASS} AND l.objid = {OBJECT}
            AND l.objsubid = 2 AND l.granted AND l.database = (
                SELECT oid FROM pg_database WHERE datname = current_database())"""
LOCKED_HERE = f"EXISTS (SELECT FROM pg_locks l WHERE {OF_ESN} AND l.pid = pg_backend_pid())"
HOLDER = f"""SELECT l.pid, COALESCE(host(a.client_addr), ''), COALESCE(a.application_name, ''),
                    COALESCE(a.backend_start::text, '')
             FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid) WHERE {OF_ESN}"""
NAME_SESSION = "SELECT set_config('seemachine.session', :name, false), pg_backend_pid()"
NAMED = "SELECT COALESCE(current_setting('seemachine.session', true), ''), pg_backend_pid()"
END = "SELECT pg_terminate_backend(:pid)"

LOOK = """SELECT (SELECT count(turn) FROM seemachine_sessions WHERE false),
                 (SELECT count(nonce) FROM seemachine_marks WHERE false),
                 (SELECT count(ahead) + count(until) FROM seemachine_leaves WHERE false),
                 obj_description('seemachine_marks'::regclass, 'pg_class')"""
# The comment is the version of all of them; without one it is the first.
TABLES = f"""
BEGIN;
SET LOCAL lock_timeout = '9s';
SELECT pg_advisory_xact_lock(8888, 0);
CREATE TABLE IF NOT EXISTS seemachine_marks (
    esn text PRIMARY KEY, identity bytea NOT NULL, epoch bigint NOT NULL, nonce bytea NOT NULL,
    place bytea NOT NULL);
CREATE TABLE IF NOT EXISTS seemachine_leaves (
    esn text NOT NULL, name bytea NOT NULL, first bigint NOT NULL, next bigint NOT NULL,
    PRIMARY KEY (esn, name, first));
ALTER TABLE seemachine_leaves ADD COLUMN IF NOT EXISTS ahead bigint,
    ADD COLUMN IF NOT EXISTS until bigint;
CREATE UNIQUE INDEX IF NOT EXISTS seemachine_claims ON seemachine_leaves (name, first)
    WHERE until IS NOT NULL;
CREATE TABLE IF NOT EXISTS seemachine_sessions (
    esn text PRIMARY KEY, holder bytea NOT NULL, turn bigint NOT NULL);
COMMENT ON TABLE seemachine_marks IS '{FORMAT}';
COMMIT;
"""

TAKE_OVER = """INSERT INTO seemachine_sessions VALUES (:esn, :holder, 0)
               ON CONFLICT (esn) DO UPDATE SET holder = EXCLUDED.holder, turn = EXCLUDED.turn
               RETURNING (SELECT count(*) FROM seemachine_sessions WHERE esn = :esn)"""
TAKE_TURN = """UPDATE seemachine_sessions SET turn = :turn
               WHERE esn = :esn AND holder = :holder AND turn < :turn RETURNING esn"""

MARK = "SELECT identity, epoch, nonce, place FROM seemachine_marks WHERE esn = :esn"
LEAVES = """SELECT l.name, l.first, l.next, l.ahead, l.until,
                   COALESCE((SELECT min(o.esn) FROM seemachine_leaves o
                             WHERE o.name = l.name AND o.first = l.first AND o.esn <> l.esn
                             AND o.until IS NOT NULL), '')
            FROM seemachine_leaves l WHERE l.esn = :esn"""

OURS = """WITH ours AS (
    SELECT esn FROM seemachine_sessions
    WHERE esn = :esn AND holder = :holder AND turn = :turn FOR SHARE)"""
ADVANCE = f"""{OURS} INSERT INTO seemachine_marks AS m
    SELECT esn, :identity ::bytea, :epoch ::bigint, :nonce ::bytea, :place ::bytea FROM ours
    ON CONFLICT (esn) DO UPDATE
    SET identity = EXCLUDED.identity, epoch = EXCLUDED.epoch, nonce = EXCLUDED.nonce,
        place = EXCLUDED.place
    WHERE m.epoch = :old_epoch AND m.nonce = :old_nonce RETURNING esn"""
# All rows at once, and the answer to: is this session still ours, does it hold the lock, which
# opening is the last?
WRITE = f"""{OURS}, written AS (
    INSERT INTO seemachine_leaves AS l (esn, name, first, next, ahead, until)
    SELECT ours.esn, decode(n.name, 'hex'), n.first, n.next, n.ahead, n.until FROM ours,
           jsonb_to_recordset(:leaves ::jsonb) AS n (
               name text, first bigint, next bigint, ahead bigint, until bigint)
    ON CONFLICT (esn, name, first) DO UPDATE
    SET next = GREATEST(l.next, EXCLUDED.next),
        ahead = GREATEST(EXCLUDED.ahead, l.next, EXCLUDED.next),
        until = COALESCE(l.until, EXCLUDED.until))
    SELECT m.epoch, m.nonce, {LOCKED_HERE} FROM ours LEFT JOIN seemachine_marks m USING (esn)"""
OVERLAP = """EXISTS (SELECT FROM seemachine_leaves o
                     WHERE o.name = :name ::bytea AND o.first < :until ::bigint
                     AND :first ::bigint < GREATEST(o.next, o.until, o.first + 1))"""
CLAIM = f"""{OURS}, claimed AS (
    INSERT INTO seemachine_leaves (esn, name, first, next, ahead, until)
    SELECT esn, :name ::bytea, :first ::bigint, :first ::bigint, :first ::bigint,
           :until ::bigint FROM ours
    WHERE NOT {OVERLAP}
    RETURNING esn)
    SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM claimed)"""
IS_SPENT = f"SELECT {OVERLAP}"
