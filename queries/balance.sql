-- Drop, at random but always the same ones, the rows to train on of the kind of which there are too many tokens.
-- in: ledger (one row per raw row), $documents (the wanted share of tokens in rows of kind document, 0..1)
-- out: the same rows; dropped is 'surplus' where a row would tip the balance
WITH kept AS (
    SELECT sum(n_tokens) FILTER (kind = 'qa') AS qa, sum(n_tokens) FILTER (kind = 'document') AS document
    FROM ledger WHERE dropped IS NULL AND split = 'train'
),
room AS (
    SELECT CASE
        WHEN qa IS NULL OR document IS NULL THEN NULL -- one kind alone: nothing to balance
        WHEN document * (1 - $documents) > qa * $documents THEN {'kind': 'document', 'tokens': qa * $documents / (1 - $documents)}
        ELSE {'kind': 'qa', 'tokens': document * (1 - $documents) / $documents}
    END AS most
    FROM kept
)
SELECT
    ledger.* EXCLUDE (dropped),
    CASE
        WHEN ledger.dropped IS NOT NULL THEN ledger.dropped
        WHEN split = 'train' AND kind = most.kind AND sum(n_tokens) OVER (
            PARTITION BY ledger.dropped IS NULL, split, kind ORDER BY md5(pair_id)
        ) > most.tokens THEN 'surplus'
    END AS dropped
FROM ledger, room
