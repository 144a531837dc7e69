/**
 * The tables, and how an older file becomes a newer one. A migration that was released never changes; a new one is added behind it.
 *
 * A body is kept once, under the number of the log row that brought it; the inventory's row of an object names that number too.
 * So an append writes each body once, the log stays narrow enough to be read for one endpoint without touching bodies,
 * and a body lives as long as either of the two needs it (see retention.ts).
 */
import { type Database, schemaVersion } from './database.ts'

const migrations: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- head: number of the newest log row ever; pruned: every row up to here is gone.
  CREATE TABLE totals (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    head INTEGER NOT NULL, pruned INTEGER NOT NULL, log_rows INTEGER NOT NULL, log_bytes INTEGER NOT NULL
  ) STRICT;
  INSERT INTO totals VALUES (1, 0, 0, 0, 0);

  CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL, stream TEXT NOT NULL, grp TEXT NOT NULL, resource TEXT NOT NULL, kind TEXT NOT NULL,
    objects INTEGER NOT NULL DEFAULT 0,
    UNIQUE (cluster, stream)
  ) STRICT;
  -- The definition under which a watch was last compared in full.
  CREATE TABLE stream_watches (
    stream INTEGER NOT NULL, watch TEXT NOT NULL, definition TEXT NOT NULL,
    PRIMARY KEY (stream, watch)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE bodies (sequence INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
  CREATE TABLE log (
    sequence INTEGER PRIMARY KEY,
    routes TEXT NOT NULL, stream INTEGER NOT NULL, context INTEGER NOT NULL,
    version TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, resource_version TEXT NOT NULL,
    observed_at INTEGER NOT NULL, appended_at INTEGER NOT NULL, cause TEXT NOT NULL, change TEXT NOT NULL, matches TEXT NOT NULL
  ) STRICT;
  CREATE TABLE inventory (
    stream INTEGER NOT NULL, uid TEXT NOT NULL,
    version TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, resource_version TEXT NOT NULL,
    hash TEXT NOT NULL, matches TEXT NOT NULL, observed_at INTEGER NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (stream, uid)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX inventory_by_sequence ON inventory (sequence);

  CREATE TABLE agents (
    cluster TEXT PRIMARY KEY, public_key TEXT NOT NULL, cluster_uid TEXT NOT NULL, joined_at INTEGER NOT NULL,
    process INTEGER NOT NULL DEFAULT 0, last_frame INTEGER NOT NULL DEFAULT 0, revoked_at INTEGER
  ) STRICT;
  CREATE TABLE tokens (
    hash TEXT PRIMARY KEY, cluster TEXT NOT NULL, expires_at INTEGER NOT NULL, replace INTEGER NOT NULL,
    used_key TEXT, used_uid TEXT
  ) STRICT, WITHOUT ROWID;

  -- dropped_at: the log's head when the last plan that used it was forgotten.
  CREATE TABLE contexts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT NOT NULL UNIQUE, context TEXT NOT NULL, dropped_at INTEGER
  ) STRICT;
  -- activated: rises with each change; the highest of a cluster is its current plan.
  CREATE TABLE plans (
    cluster TEXT NOT NULL, plan TEXT NOT NULL, routes TEXT NOT NULL, activated INTEGER NOT NULL, context INTEGER,
    PRIMARY KEY (cluster, plan)
  ) STRICT;
  CREATE TABLE subscriptions (
    cluster TEXT NOT NULL, endpoint TEXT NOT NULL, watch TEXT NOT NULL, active INTEGER NOT NULL,
    PRIMARY KEY (cluster, endpoint, watch)
  ) STRICT, WITHOUT ROWID;

  -- left_at: when it dropped out of the Activation, ms; NULL while it is in.
  CREATE TABLE endpoints (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL, left_at INTEGER) STRICT, WITHOUT ROWID;
  CREATE TABLE batches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint TEXT NOT NULL, id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, members TEXT NOT NULL, frame TEXT NOT NULL, payload TEXT
  ) STRICT;
  CREATE INDEX batches_by_endpoint ON batches (endpoint, number);
  -- position: the last uid that was sent.
  CREATE TABLE scans (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, endpoint TEXT NOT NULL, watch TEXT NOT NULL, cluster TEXT NOT NULL, reason TEXT NOT NULL,
    started INTEGER NOT NULL, position TEXT NOT NULL, sent INTEGER NOT NULL, total INTEGER NOT NULL
  ) STRICT;
  -- How many log rows of one slot of time are routed to an endpoint (see backlog.ts).
  CREATE TABLE tallies (
    endpoint TEXT NOT NULL, slot INTEGER NOT NULL, events INTEGER NOT NULL,
    PRIMARY KEY (endpoint, slot)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE pauses (endpoint TEXT PRIMARY KEY, since INTEGER NOT NULL, by TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- The rows of one object, for compaction and for looking at it.
  CREATE INDEX log_by_object ON log (uid, sequence);

  -- checksum: over the stream's rows of the inventory; NULL = to be counted. mismatches: how often an agent's was another one.
  -- corrections: changes that a comparison found which no watch had told, audit_corrections those of them that an audit found;
  -- corrected_at, audited_at: when the last one was found, and when the last comparison ended, ms.
  ALTER TABLE streams ADD COLUMN checksum INTEGER;
  -- doubted: what came after its rows was lost, and endpoints may hold that; until the next comparison.
  ALTER TABLE streams ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
  -- generation: the history of this database in which the process got its number. former: the number, and its history, that it came with.
  ALTER TABLE agents ADD COLUMN generation TEXT NOT NULL DEFAULT '';
  ALTER TABLE agents ADD COLUMN former TEXT NOT NULL DEFAULT '';
  ALTER TABLE streams ADD COLUMN mismatches INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE streams ADD COLUMN corrections INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE streams ADD COLUMN audit_corrections INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE streams ADD COLUMN corrected_at INTEGER;
  ALTER TABLE streams ADD COLUMN audited_at INTEGER;

  -- skipped: versions that were passed over because a newer one of the object was told.
  -- delta: it wants patches. doubted: of what was appended up to here it may not hold everything.
  ALTER TABLE endpoints ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE endpoints ADD COLUMN delta INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE endpoints ADD COLUMN doubted INTEGER NOT NULL DEFAULT 0;
  -- What makes the body of this log row out of the body of row base (RFC 7396).
  CREATE TABLE patches (sequence INTEGER PRIMARY KEY, base INTEGER NOT NULL, patch TEXT NOT NULL) STRICT;

  -- scanned_at: when the last scan of the pair began, or the pair itself, ms.
  ALTER TABLE subscriptions ADD COLUMN scanned_at INTEGER NOT NULL DEFAULT 0;

  -- thinned: up to here compaction may have changed rows or taken them away.
  ALTER TABLE totals ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0;
  -- The members that are rendered from the log lie between these; NULL = there are none.
  ALTER TABLE batches ADD COLUMN oldest INTEGER;
  ALTER TABLE batches ADD COLUMN newest INTEGER;
  UPDATE batches SET (oldest, newest) =
    (SELECT min(value ->> 'sequence'), max(value ->> 'sequence') FROM json_each(members)) WHERE payload IS NULL;
  CREATE INDEX batches_by_member ON batches (oldest, newest) WHERE oldest IS NOT NULL;
  -- Since when no current plan has it, ms; NULL = one has.
  ALTER TABLE streams ADD COLUMN stale_at INTEGER;
  ALTER TABLE plans ADD COLUMN stale_at INTEGER;
  UPDATE subscriptions SET scanned_at = unixepoch() * 1000;
  -- markers: its scans are closed by a marker. marked: this scan is.
  ALTER TABLE endpoints ADD COLUMN markers INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE scans ADD COLUMN marked INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX scans_by_pair ON scans (endpoint, cluster, watch);
  `,
  `
  -- place, path: where it stands among those of its endpoint; those that take the place of another one differ by path. object, parking: of a
  -- parked one. bytes: of the payload, which comes last because what lies behind a long text is slow to reach. attempts, first_attempt_at: of
  -- requests that were made for it.
  CREATE TABLE batches_3 (
    number INTEGER PRIMARY KEY,
    endpoint TEXT NOT NULL, place INTEGER NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
    events INTEGER NOT NULL, bytes INTEGER NOT NULL, oldest INTEGER, newest INTEGER, object TEXT, parking TEXT,
    attempts INTEGER NOT NULL DEFAULT 0, first_attempt_at INTEGER,
    frame TEXT NOT NULL, members TEXT NOT NULL, payload TEXT
  ) STRICT;
  INSERT INTO batches_3 (number, endpoint, place, path, id, created_at, events, bytes, oldest, newest, frame, members)
    SELECT number, endpoint, number, '', id, created_at, json_array_length(members), 0, oldest, newest, frame, members
    FROM batches WHERE payload IS NULL;
  -- Payloads of the old form cannot be read any more: what they hold is told again by new scans (see renewed.ts).
  INSERT INTO meta SELECT DISTINCT 'renew:' || endpoint, '' FROM batches WHERE payload IS NOT NULL;
  DROP TABLE batches;
  ALTER TABLE batches_3 RENAME TO batches;
  CREATE UNIQUE INDEX batches_by_place ON batches (endpoint, place, path);
  CREATE INDEX batches_by_member ON batches (oldest, newest) WHERE oldest IS NOT NULL;
  CREATE INDEX batches_waiting ON batches (endpoint, events) WHERE object IS NULL;
  CREATE INDEX batches_parked ON batches (endpoint, object, bytes) WHERE object IS NOT NULL;

  -- resource: "deployments.apps". bytes: of its content and the answer, and something for the rest.
  CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, endpoint TEXT NOT NULL, died_at INTEGER NOT NULL, bytes INTEGER NOT NULL,
    cluster TEXT NOT NULL, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, object TEXT NOT NULL,
    sequence INTEGER NOT NULL, type TEXT NOT NULL, cause TEXT NOT NULL, reason TEXT NOT NULL,
    attempts INTEGER NOT NULL, first_attempt_at INTEGER NOT NULL, status INTEGER
  ) STRICT;
  CREATE INDEX dead_letters_by_age ON dead_letters (died_at);
  CREATE TABLE dead_letter_texts (number INTEGER PRIMARY KEY, answer TEXT, content TEXT NOT NULL) STRICT;
  CREATE TABLE dead_letter_totals (
    endpoint TEXT PRIMARY KEY, letters INTEGER NOT NULL, bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER dead_letter_comes AFTER INSERT ON dead_letters BEGIN
    INSERT INTO dead_letter_totals VALUES (new.endpoint, 1, new.bytes)
      ON CONFLICT DO UPDATE SET letters = letters + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER dead_letter_goes AFTER DELETE ON dead_letters BEGIN
    UPDATE dead_letter_totals SET letters = letters - 1, bytes = bytes - old.bytes WHERE endpoint = old.endpoint;
    DELETE FROM dead_letter_totals WHERE endpoint = old.endpoint AND letters = 0;
    DELETE FROM dead_letter_texts WHERE number = old.number;
  END;

  -- number: rises with each attempt of the endpoint.
  CREATE TABLE attempts (
    endpoint TEXT NOT NULL, number INTEGER NOT NULL, batch TEXT NOT NULL, at INTEGER NOT NULL, duration_ms REAL NOT NULL,
    events INTEGER NOT NULL, bytes INTEGER NOT NULL, outcome TEXT NOT NULL, status INTEGER, resends INTEGER NOT NULL, error TEXT,
    PRIMARY KEY (endpoint, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE attempt_answers (
    endpoint TEXT NOT NULL, number INTEGER NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (endpoint, number)
  ) STRICT, WITHOUT ROWID;

  -- cause: NULL = operator. until: it ends by itself then, ms. url: another one ends it.
  ALTER TABLE pauses ADD COLUMN cause TEXT;
  ALTER TABLE pauses ADD COLUMN reason TEXT;
  ALTER TABLE pauses ADD COLUMN until INTEGER;
  ALTER TABLE pauses ADD COLUMN url TEXT;

  -- unwatched: it is told what commits take from it. kind: what such a scan is about, "deployments.apps"; until it may begin, started is 0.
  ALTER TABLE endpoints ADD COLUMN unwatched INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE scans ADD COLUMN kind TEXT NOT NULL DEFAULT '';
  -- The endpoint was told: it holds nothing of this kind by this watch any more. started: as the scan had it.
  CREATE TABLE removed (
    cluster TEXT NOT NULL, endpoint TEXT NOT NULL, watch TEXT NOT NULL, kind TEXT NOT NULL, started INTEGER NOT NULL,
    PRIMARY KEY (cluster, endpoint, watch, kind)
  ) STRICT, WITHOUT ROWID;
  -- begun: what there was when the pair began has been told, or need not be.
  ALTER TABLE subscriptions ADD COLUMN begun INTEGER NOT NULL DEFAULT 1;
  UPDATE subscriptions SET begun = 0 WHERE EXISTS (SELECT 1 FROM scans WHERE scans.endpoint = subscriptions.endpoint
    AND scans.watch = subscriptions.watch AND scans.cluster = subscriptions.cluster AND reason = 'initial');
  -- kinds: that the pair ever had, as a JSON list of "deployments.apps".
  ALTER TABLE subscriptions ADD COLUMN kinds TEXT NOT NULL DEFAULT '[]';
  UPDATE subscriptions SET kinds = (
    SELECT json_group_array(DISTINCT stream.value ->> 'resource') FROM plans, json_each(routes, '$.streams') AS stream
    WHERE plans.cluster = subscriptions.cluster
      AND EXISTS (SELECT 1 FROM json_each(stream.value, '$.watches') WHERE value = subscriptions.watch)
      AND EXISTS (SELECT 1 FROM json_each(routes, '$.watches') AS watch, json_each(watch.value, '$.endpoints') AS hears
        WHERE watch.key = subscriptions.watch AND hears.value = subscriptions.endpoint));
  -- loose: under a plan that lacks the watch the agent has taken objects from it since.
  ALTER TABLE stream_watches ADD COLUMN loose INTEGER NOT NULL DEFAULT 0;
  -- taken: the last number that something else than a row took.
  ALTER TABLE totals ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
  -- most: deletions that one commit may report. routes: what the commit makes the endpoint hear, as a hash; former: the commit before it.
  -- removals: deletions of that commit so far. held_at: since when it is held, ms. reverted: what was held for is taken back.
  CREATE TABLE guards (
    endpoint TEXT PRIMARY KEY, most INTEGER NOT NULL, by TEXT NOT NULL, routes TEXT NOT NULL, former TEXT NOT NULL,
    removals INTEGER NOT NULL DEFAULT 0, held_at INTEGER, passed INTEGER NOT NULL DEFAULT 0, reverted INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- traceparent: the context that the agent drew for the change. changed_at: API server's clock; sent_at: agent's; received_at: hub's; ms.
  ALTER TABLE log ADD COLUMN traceparent TEXT;
  ALTER TABLE log ADD COLUMN changed_at INTEGER;
  ALTER TABLE log ADD COLUMN sent_at INTEGER;
  ALTER TABLE log ADD COLUMN received_at INTEGER;
  -- Of its last log row.
  ALTER TABLE inventory ADD COLUMN traceparent TEXT;
  -- made_by: the commit.
  ALTER TABLE plans ADD COLUMN made_by TEXT;

  -- last_attempt, traceparent: the context of an attempt.
  ALTER TABLE batches ADD COLUMN last_attempt TEXT;
  ALTER TABLE attempts ADD COLUMN traceparent TEXT;
  -- untaken: events of an accepted one that were not, by sequence: first one, then by how much each differs from the one before.
  ALTER TABLE attempts ADD COLUMN untaken TEXT;
  -- What the batch of attempts told, likewise. number: of its last attempt. bytes: of all that text of the batch.
  CREATE TABLE told (
    endpoint TEXT NOT NULL, batch TEXT NOT NULL, number INTEGER NOT NULL, oldest INTEGER NOT NULL, newest INTEGER NOT NULL,
    scan TEXT, bytes INTEGER NOT NULL, sequences TEXT NOT NULL, PRIMARY KEY (endpoint, batch)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX told_by_attempt ON told (endpoint, number);
  CREATE TABLE told_totals (endpoint TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TRIGGER told_comes AFTER INSERT ON told BEGIN
    INSERT INTO told_totals VALUES (new.endpoint, new.bytes) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER told_grows AFTER UPDATE OF bytes ON told BEGIN
    UPDATE told_totals SET bytes = bytes - old.bytes + new.bytes WHERE endpoint = new.endpoint;
  END;
  CREATE TRIGGER told_goes AFTER DELETE ON told BEGIN
    UPDATE told_totals SET bytes = bytes - old.bytes WHERE endpoint = old.endpoint;
    DELETE FROM told_totals WHERE endpoint = old.endpoint AND bytes = 0;
  END;
  `,
]

/** The newest version that this release knows. */
export const newestSchema = migrations.length

/** Brings the file to the newest schema, each step in its own transaction. Refuses a file that a newer release wrote. `to`: for tests. */
export function migrate(db: Database, to = newestSchema): void {
  const version = schemaVersion(db)
  if (version > migrations.length)
    throw new Error(
      `${db.file}: expected a database of schema ${migrations.length} or older, got ${version}: a newer release wrote it, run that one`,
    )
  migrations.slice(version, to).forEach((sql, i) => {
    db.exec(`BEGIN IMMEDIATE; ${sql} PRAGMA user_version = ${version + i + 1}; COMMIT`)
  })
}
