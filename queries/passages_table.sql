-- Tables of the passages of one corpus in Postgres, with full text and vectors, and of vectors on their way there.
-- in: {language}, {vectors} (type of the vectors), {fingerprint} (of the settings that the tables depend on)
-- What the parser takes for one word is opened: ERR-4021, Employee/Spouse, config/pump.yaml; and 1,500 is 1500.
CREATE OR REPLACE FUNCTION opened(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT regexp_replace(
        regexp_replace($1, '(?<=\d),(?=\d\d\d)', '', 'g'),
        '(?<=[[:alnum:]])[-/_](?=[[:alnum:]])|(?<=[[:alpha:]][[:alpha:]])\.(?=[[:alpha:]][[:alpha:]])', ' ', 'g'
    )
$$;
CREATE TABLE passages (
    chunk_id text COLLATE "C" PRIMARY KEY,
    sha256 text NOT NULL,
    heading text NOT NULL,
    text text NOT NULL,
    words tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector({language}, opened(heading)), 'A') || setweight(to_tsvector({language}, opened(text)), 'D')
    ) STORED,
    embedding {vectors} NOT NULL
);
ALTER TABLE passages ALTER COLUMN embedding SET STORAGE MAIN; -- stored in the row: exact search reads every vector
CREATE TABLE vectors (sha256 text PRIMARY KEY, embedding {vectors} NOT NULL); -- a stop loses none that is here
COMMENT ON TABLE passages IS {fingerprint};
