-- Hold a share of the documents out, in the pseudorandom order of a hash.
-- in: chunks (Chunks), $share (0..1)
-- out: doc_id of each document held out
WITH ranked AS (
    SELECT doc_id, row_number() OVER (ORDER BY md5(doc_id)) AS rank, count(*) OVER () AS documents
    FROM (SELECT DISTINCT doc_id FROM chunks)
)
SELECT doc_id FROM ranked WHERE rank <= round($share * documents)
