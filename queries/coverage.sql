-- List the passages without a kept training row.
-- in: chunks (Chunks), ledger (Ledger)
-- out: one row per such passage, with the percentage of its document's characters in passages that have kept rows
WITH counts AS (
    SELECT chunk_id, count(*) FILTER (dropped IS NULL) AS n_kept, mode(dropped) AS reason FROM ledger GROUP BY chunk_id
),
passages AS (
    SELECT
        chunks.*, coalesce(n_kept, 0) AS n_kept, coalesce(reason, 'no rows generated') AS why,
        sum(CASE WHEN n_kept > 0 THEN "end" - start ELSE 0 END) OVER of_document AS covered,
        sum("end" - start) OVER of_document AS characters
    FROM chunks LEFT JOIN counts USING (chunk_id)
    WINDOW of_document AS (PARTITION BY doc_id)
)
SELECT doc_id AS document, round(100 * covered / characters, 1) AS covered_percent, start, "end", heading, why
FROM passages
WHERE n_kept = 0
ORDER BY doc_id, start
