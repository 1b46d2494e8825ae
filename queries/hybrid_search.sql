-- The passages nearest to a question by words and by meaning, their places fused by reciprocal rank (Cormack 2009). In Postgres.
-- By words: what a passage says of each word of the question (ts_rank levels off as the word recurs, and is divided by
-- the logarithm of the passage's length), times how rare the word is. It is what BM25 weighs; ts_rank_cd weighs neither.
WITH asked AS (
    SELECT ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery AS word
    FROM unnest(to_tsvector(%(language)s::text::regconfig, %(question)s))
), said AS (
    SELECT
        chunk_id, ts_rank('{1, 1, 1, 1}', words, word, 1) AS much,
        count(*) OVER (PARTITION BY word::text) AS holding
    FROM asked JOIN passages ON words @@ word
    WHERE %(weight)s > 0
), worded AS (
    SELECT chunk_id, sum(much * ln(1 + (%(rows)s - holding + 0.5) / (holding + 0.5))) AS score
    FROM said GROUP BY chunk_id ORDER BY score DESC, chunk_id LIMIT %(depth)s
), meant AS (
    SELECT chunk_id, embedding <=> %(vector)s AS distance FROM passages
    WHERE %(weight)s < 1 ORDER BY distance, chunk_id LIMIT %(depth)s
), placed AS (
    SELECT chunk_id, %(weight)s AS weight, row_number() OVER (ORDER BY score DESC, chunk_id) AS place FROM worded
    UNION ALL
    SELECT chunk_id, 1 - %(weight)s, row_number() OVER (ORDER BY distance, chunk_id) FROM meant
)
SELECT chunk_id, sum(weight / (%(rrf)s + place))::float8 AS score
FROM placed GROUP BY chunk_id ORDER BY score DESC, chunk_id LIMIT %(depth)s
