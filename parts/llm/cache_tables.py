"""The tables of the cache of answers, and the statements that write to them: a file without their columns is none of ours."""

TABLES = """
CREATE TABLE IF NOT EXISTS answers (request BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (model TEXT PRIMARY KEY, prompt_tokens INTEGER, new_tokens INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS collected (batch TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reserved (
    id INTEGER PRIMARY KEY, process TEXT, model TEXT, prompt_tokens INTEGER, new_tokens INTEGER
);
CREATE TABLE IF NOT EXISTS given_up (request BLOB PRIMARY KEY, runs INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claimed (request BLOB PRIMARY KEY, process TEXT) WITHOUT ROWID;
"""

SPEND = """
INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET
prompt_tokens = prompt_tokens + excluded.prompt_tokens, new_tokens = new_tokens + excluded.new_tokens
"""


STORE = "INSERT OR IGNORE INTO answers VALUES (?, ?)"
COLLECT = "INSERT OR IGNORE INTO collected VALUES (?)"
GIVE_UP = "INSERT INTO given_up VALUES (?, 1) ON CONFLICT DO UPDATE SET runs = runs + 1 RETURNING runs"
RESERVE = "INSERT INTO reserved VALUES (NULL, ?, ?, ?, ?)"
CLAIM = "INSERT OR REPLACE INTO claimed VALUES (?, ?)"

WRITES = (SPEND, STORE, COLLECT, GIVE_UP, RESERVE, CLAIM)
