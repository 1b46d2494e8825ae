-- Table of the passages of one corpus in Postgres, with full text and vectors.
-- in: {language}, {vectors} (type of the vectors), {fingerprint} (of the settings that the table depends on)
CREATE TABLE passages (
    chunk_id text COLLATE "C" PRIMARY KEY,
    sha256 text NOT NULL,
    heading text NOT NULL,
    text text NOT NULL,
    words tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector({language}, heading), 'A') || setweight(to_tsvector({language}, text), 'D')
    ) STORED,
    embedding {vectors} NOT NULL
);
ALTER TABLE passages ALTER COLUMN embedding SET STORAGE MAIN; -- stored in the row: exact search reads every vector
COMMENT ON TABLE passages IS {fingerprint};
