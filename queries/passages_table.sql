-- Tables of the passages of one corpus in Postgres, with full text and vectors.
-- in: {vectors} (type of the vectors), {fingerprint} (of the settings that the tables depend on)
CREATE TABLE passages (
    chunk_id text COLLATE "C" PRIMARY KEY,
    sha256 text NOT NULL, -- of heading and text
    language regconfig NOT NULL, -- the text search of its document
    heading text NOT NULL,
    text text NOT NULL,
    embedding {vectors} NOT NULL
);
ALTER TABLE passages ALTER COLUMN embedding SET STORAGE MAIN; -- stored in the row: exact search reads every vector
CREATE TABLE passage_words ( -- a row a passage: beside a vector, words would be stored apart, and each look at them cost a search
    chunk_id text COLLATE "C" PRIMARY KEY,
    language regconfig NOT NULL,
    words tsvector NOT NULL -- of heading and text, opened as parts/retrieval/full_text.py does
);
CREATE TABLE lexemes ( -- in how many passages of its language each word is; those of none may stay
    language regconfig, lexeme text COLLATE "C", passages int NOT NULL, PRIMARY KEY (language, lexeme)
);
CREATE TABLE vectors (sha256 text PRIMARY KEY, embedding {vectors} NOT NULL); -- on their way: a stop loses none that is here
CREATE TABLE token_vectors ( -- a row a text, of the retriever maxsim alone: tokens x width, of two bytes a number
    sha256 text PRIMARY KEY, vectors bytea NOT NULL
);
COMMENT ON TABLE passages IS {fingerprint};
