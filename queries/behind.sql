-- The training rows most like a question, from the passages its answer stands in first, then from their documents.
-- in: questions (Questions), pairs (Pairs), chunks (Chunks), contexts (question_id, chunk_id), $most (rows for each question)
-- out: question_id, pair_id, rank (1 is the most like it); a question without evidence is held against what was retrieved for it
WITH evidence AS (SELECT question_id, unnest(flatten(gold_chunk_ids)) AS chunk_id FROM questions),
gold AS (SELECT DISTINCT question_id, chunk_id FROM evidence),
known AS (
    SELECT question_id, doc_id FROM questions WHERE doc_id IS NOT NULL
    UNION
    SELECT question_id, doc_id FROM gold JOIN chunks USING (chunk_id)
),
sources AS (
    FROM known
    UNION
    SELECT question_id, doc_id FROM contexts JOIN chunks USING (chunk_id)
    WHERE question_id NOT IN (SELECT question_id FROM known)
),
asked AS (
    SELECT question_id, list_distinct(words(question || ' ' || reference)) AS wanted FROM questions
),
studied AS (
    SELECT pair_id, chunk_id, doc_id, list_distinct(words(prompt || ' ' || completion)) AS said
    FROM pairs WHERE chunk_id IS NOT NULL AND split = 'train'
)
SELECT question_id, pair_id, row_number() OVER (
    PARTITION BY question_id
    ORDER BY gold.chunk_id IS NULL, len(list_intersect(wanted, said)) DESC, len(said), pair_id
) AS rank
FROM asked JOIN sources USING (question_id) JOIN studied USING (doc_id)
LEFT JOIN gold USING (question_id, chunk_id)
QUALIFY rank <= $most
