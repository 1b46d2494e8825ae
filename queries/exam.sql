-- Find the raw rows that repeat an exam question: they contain a share of its runs of words, and all its names and numbers.
-- in: raw (RawPairs), questions (Questions), $near (threshold: share of an exam question's runs of three words, 0..1)
-- out: pair_id of each such row
WITH exam AS (
    SELECT question_id, unnest(runs(question)) AS run, len(runs(question)) AS n_runs FROM questions
),
raw_questions AS ( -- the question of a qa row, and the questions within a document
    SELECT pair_id, prompt AS question FROM raw WHERE kind = 'qa'
    UNION ALL
    SELECT pair_id, unnest(regexp_extract_all(completion, '[^.?!\n]+\?')) FROM raw WHERE kind = 'document'
),
numbered AS (SELECT *, row_number() OVER (ORDER BY pair_id, question) AS number FROM raw_questions),
raw_runs AS (SELECT number, unnest(runs(question)) AS run FROM numbered),
close AS (
    SELECT number, question_id FROM raw_runs JOIN exam USING (run) GROUP BY number, question_id
    HAVING count(*) >= $near * any_value(n_runs)
)
SELECT DISTINCT pair_id
FROM close JOIN numbered USING (number) JOIN questions USING (question_id)
-- without the first word: its capital does not make it a name
WHERE list_has_all(words(numbered.question), named(regexp_replace(questions.question, '^\P{L}*\p{L}+', '')))
