-- Which spans of which documents no row came from.
-- in: chunks (Chunks), ledger (Ledger)
-- out: one row per passage without a kept row, and how much of its document has some, by characters
WITH counted AS (
    SELECT chunk_id, count(*) FILTER (dropped IS NULL) AS kept, mode(dropped) AS most FROM ledger GROUP BY chunk_id
),
passages AS (
    SELECT
        chunks.*, coalesce(kept, 0) AS kept, coalesce(most, 'nothing came of it') AS why,
        sum(CASE WHEN kept > 0 THEN "end" - start ELSE 0 END) OVER of_document AS covered,
        sum("end" - start) OVER of_document AS characters
    FROM chunks LEFT JOIN counted USING (chunk_id)
    WINDOW of_document AS (PARTITION BY doc_id)
)
SELECT doc_id AS document, round(100 * covered / characters, 1) AS covered_percent, start, "end", heading, why
FROM passages
WHERE kept = 0
ORDER BY doc_id, start
