-- The passages of one corpus, with what they are found by. In Postgres; {language}, {vectors} and {made} are filled in.
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
ALTER TABLE passages ALTER COLUMN embedding SET STORAGE MAIN; -- in the row: exact search reads every one
COMMENT ON TABLE passages IS {made};
