-- Count raw rows and tokens by generator and reason to drop, with the cost of all rows and of a kept one.
-- in: ledger (Ledger), costs (generator, dollars)
WITH counts AS (
    SELECT generator, 'raw' AS outcome, count(*) AS rows, sum(n_tokens)::BIGINT AS tokens FROM ledger GROUP BY generator
    UNION ALL
    SELECT generator, coalesce(dropped, 'kept'), count(*), sum(n_tokens)::BIGINT FROM ledger GROUP BY generator, dropped
)
SELECT
    generator, outcome, rows, tokens,
    round(100.0 * rows / max(rows) OVER (PARTITION BY generator), 1) AS percent,
    CASE outcome WHEN 'raw' THEN coalesce(format('{:.4f}', dollars), 'no price') ELSE '' END AS dollars,
    CASE outcome WHEN 'kept' THEN coalesce(format('{:.6f}', dollars / rows), 'no price') ELSE '' END AS dollars_per_row
FROM counts LEFT JOIN costs USING (generator)
ORDER BY generator, outcome != 'raw', outcome != 'kept', rows DESC, outcome
