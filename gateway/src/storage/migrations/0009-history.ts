/** Messages that came with the history. What the column means: ../schema.ts. */
export const history = (): string[] => ['alter table messages add column from_history integer not null default 0']
