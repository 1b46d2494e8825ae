-- Drop what another row says in the same words, but for capitals: all but the first by pair_id.
-- in: ledger (one row per raw row)
-- out: pair_id and dropped of each row; dropped is 'duplicate' for a repeat
SELECT
    pair_id,
    CASE
        WHEN dropped IS NOT NULL THEN dropped
        WHEN row_number() OVER (PARTITION BY dropped, kind, md5(lower(prompt)), md5(lower(completion)) ORDER BY pair_id) > 1
            THEN 'duplicate'
    END AS dropped
FROM ledger
